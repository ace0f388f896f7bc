"""The tables of networks."""

from __future__ import annotations

from engine.system.database import Schema

SCHEMA = Schema(
    "networks",
    (
        """
        CREATE TABLE networks (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            settings TEXT NOT NULL,
            bridge TEXT NOT NULL,
            subnets TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            owner TEXT NOT NULL,
            last_ipv4 TEXT NOT NULL DEFAULT '',
            last_ipv6 TEXT NOT NULL DEFAULT ''
        ) WITHOUT ROWID;
        CREATE TABLE endpoints (
            container_id TEXT NOT NULL,
            network TEXT NOT NULL,
            container_name TEXT NOT NULL,
            position INTEGER NOT NULL,
            settings TEXT NOT NULL,
            names TEXT NOT NULL,
            id TEXT NOT NULL,
            ipv4 TEXT NOT NULL,
            ipv6 TEXT NOT NULL,
            mac TEXT NOT NULL,
            link TEXT NOT NULL,
            servers TEXT NOT NULL,
            PRIMARY KEY (container_id, network)
        ) WITHOUT ROWID;
        CREATE INDEX endpoints_by_network ON endpoints (network);
        CREATE TABLE published_ports (
            protocol TEXT NOT NULL,
            host_port INTEGER NOT NULL,
            host_ip TEXT NOT NULL,
            container_id TEXT NOT NULL,
            container_port INTEGER NOT NULL,
            PRIMARY KEY (protocol, host_port, host_ip)
        ) WITHOUT ROWID;
        CREATE INDEX published_ports_by_container ON published_ports (container_id)
        """,
        """
        CREATE TABLE network_owner (engine_id TEXT NOT NULL);
        INSERT INTO network_owner VALUES (lower(hex(randomblob(16))))
        """,
    ),
)
