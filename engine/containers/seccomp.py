"""
The system calls that a container may make: docker's default profile, as tables.

What is not named fails with EPERM. A few calls depend on a capability, on the architecture or on
an argument; `seccomp_profile` puts together what holds for one container.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

ALLOW, REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
EQUAL, LESS, GREATER, MASKED = "SCMP_CMP_EQ", "SCMP_CMP_LT", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"
EPERM, ENOSYS = 1, 38
# Every CLONE_NEW* flag but CLONE_NEWTIME, which shares its bit with a signal.
NEW_NAMESPACES = 0x7E020000
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
# Sockets to the kernel's crypto and to other virtual machines belong to no namespace.
AF_ALG, AF_VSOCK = 38, 40
PTRACE_IS_SAFE_SINCE = (4, 8)

X32 = "SCMP_ARCH_X32"
ARCHITECTURES = {
    "amd64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", X32),
    "386": ("SCMP_ARCH_X86",),
    "arm64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "arm": ("SCMP_ARCH_ARM",),
    "ppc64le": ("SCMP_ARCH_PPC64LE",),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
    "riscv64": ("SCMP_ARCH_RISCV64",),
    "loong64": ("SCMP_ARCH_LOONGARCH64",),
}

FILES = """
    _llseek _newselect access cachestat chdir chmod chown chown32 close close_range copy_file_range
    creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
    fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr
    flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
    ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch
    inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat
    listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 mkdir
    mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv
    preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr
    removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice
    stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee
    truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write
    writev
"""
MEMORY = """
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall
    mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
    pkey_mprotect remap_file_pages shmat shmctl shmdt shmget
"""
PROCESSES = """
    alarm capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64
    futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu getegid getegid32
    geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid
    getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid
    gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
    landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease
    restart_syscall riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
    rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield seccomp set_robust_list
    set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
    setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32
    setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaltstack signalfd
    signalfd4 sigprocmask sigreturn sysinfo tgkill times tkill ugetrlimit uname uretprobe vfork
    wait4 waitid waitpid
"""
TALK = """
    accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait
    epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 getpeername getsockname getsockopt
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ipc
    listen mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd poll ppoll ppoll_time64 pselect6
    pselect6_time64 recv recvfrom recvmmsg recvmmsg_time64 recvmsg select semctl semget semop
    semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shutdown socketcall
    socketpair
"""
TIME = """
    adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
ALWAYS = tuple(sorted((FILES + MEMORY + PROCESSES + TALK + TIME).split()))
TRACING = "process_vm_readv process_vm_writev ptrace"

_X86 = "arch_prctl modify_ldt"
_ARM = "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"
BY_ARCHITECTURE = {
    "amd64": _X86,
    "386": "modify_ldt",
    "arm64": _ARM,
    "arm": _ARM,
    "ppc64le": "swapcontext sync_file_range2",
    "s390x": "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
    "riscv64": "riscv_flush_icache",
}
BY_CAPABILITY = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie
        lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount
        open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount
        umount2 unshare
    """,
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise " + TRACING,
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}


@lru_cache(maxsize=16)
def seccomp_profile(
    capabilities: tuple[str, ...],
    *,
    architecture: str,
    kernel: tuple[int, int],
    has_x32: bool = True,
) -> dict[str, Any] | None:
    """
    Return the `linux.seccomp` of a runtime spec; None for an architecture that has no table.

    Calls of the x32 kind are left out for a kernel that has none: putting them into the filter
    takes a third of a start. The value is shared: do not change it.
    """
    if architecture not in ARCHITECTURES:
        return None
    return {
        "defaultAction": REFUSE,
        "defaultErrnoRet": EPERM,
        "architectures": [each for each in ARCHITECTURES[architecture] if has_x32 or each != X32],
        "syscalls": [
            _rule(ALLOW, *_allowed(capabilities, architecture, kernel)),
            *_sockets(),
            *(_rule(ALLOW, "personality", args=(0, each, EQUAL)) for each in PERSONALITIES),
            *_clones(capabilities, architecture),
        ],
    }


def _allowed(
    capabilities: tuple[str, ...], architecture: str, kernel: tuple[int, int]
) -> list[str]:
    names = {*ALWAYS, *BY_ARCHITECTURE.get(architecture, "").split()}
    # Before, a tracer could change a call after it had been judged.
    if kernel >= PTRACE_IS_SAFE_SINCE:
        names.update(TRACING.split())
    for capability in capabilities:
        names.update(BY_CAPABILITY.get(capability, "").split())
    return sorted(names)


def _sockets() -> list[dict[str, Any]]:
    return [
        _rule(ALLOW, "socket", args=(0, AF_ALG, LESS)),
        _rule(ALLOW, "socket", args=(0, AF_ALG + 1, EQUAL)),
        _rule(ALLOW, "socket", args=(0, AF_VSOCK, GREATER)),
    ]


def _clones(capabilities: tuple[str, ...], architecture: str) -> list[dict[str, Any]]:
    if "CAP_SYS_ADMIN" in capabilities:
        return []
    flags = 1 if architecture == "s390x" else 0
    return [
        _rule(ALLOW, "clone", args=(flags, NEW_NAMESPACES, MASKED)),
        # Its flags stand in memory where no filter sees them; ENOSYS makes libc use clone.
        {**_rule(REFUSE, "clone3"), "errnoRet": ENOSYS},
    ]


def _rule(action: str, *names: str, args: tuple[int, int, str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": list(names), "action": action}
    if args is not None:
        index, value, operator = args
        rule["args"] = [{"index": index, "value": value, "valueTwo": 0, "op": operator}]
    return rule
