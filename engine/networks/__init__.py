"""
Networks of containers: bridges with addresses, names and published ports, or none of that.

The records say what shall be: a network, its subnets, which container stands in it under which
address, which ports of the host lead to it. What the kernel and the name server shall do is a pure
function of the records (`rules`, `names`), is rendered whole and put in place under a lock. So any
process may die between the two: whoever comes next renders again and finds the difference.

An *endpoint* is a container in a network. It is *enrolled* as long as the container exists, and
*active*, with addresses, while it runs. Links in a container's network namespace vanish with it.

Everything of one engine on the host carries its tag, made from the run directory: bridges are
called `ss<tag>-…`, the nftables table `shipshape-<tag>`. Bridges, which may be called otherwise,
also bear the engine's sign as their alias. Nothing without tag or sign is ever changed.
"""
