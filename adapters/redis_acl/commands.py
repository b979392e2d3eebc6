"""What a server's command rules mean: `+@all -flushall` as a set of commands, and which commands only read.

Redis rewrites the rules that it is given (7.0 even guesses categories), so rules are compared by the set of commands
that they allow, never by their text. A server's own categories (`ACL CAT`) decide what a category holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NOTHING = "-@all"

# What read_only leaves, where the agent had it: reads of keys, no script, no blocking pop, nothing @dangerous (KEYS,
# SORT_RO), nothing that may rewrite what it reads (PFCOUNT) or only moves a clock (TOUCH). A list and not the category
# @read, because modules declare their own commands to be reads.
_READS = """
bitcount bitfield_ro bitpos dbsize dump exists expiretime geodist geohash geopos georadius_ro georadiusbymember_ro
geosearch get getbit getrange hexists hexpiretime hget hgetall hkeys hlen hmget hpexpiretime hpttl hrandfield hscan
hstrlen httl hvals lcs lindex llen lpos lrange memory|usage mget object|encoding object|freq object|idletime
object|refcount pexpiretime pttl randomkey scan scard sdiff sinter sintercard sismember smembers smismember srandmember
sscan strlen substr sunion ttl type xinfo|consumers xinfo|groups xinfo|stream xlen xpending xrange xread xrevrange zcard
zcount zdiff zinter zintercard zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange
zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion
"""
# What a client needs around its reads. Queued commands are judged one by one, so a transaction of reads is a read.
_SESSION = """
asking auth client|getname client|id client|info client|setinfo client|setname cluster|keyslot cluster|shards
cluster|slots command command|count command|docs command|getkeys command|info command|list discard echo exec hello multi
ping quit readonly reset select time unwatch watch
"""
# Not given back by read_only, and yet no write: an agent that has these on top still observes as read_only.
_HARMLESS = """
acl|whoami client|getredir client|help client|trackinginfo clusterscan command|getkeysandflags command|help info keys
lastsave lolwut object|help pfcount psubscribe pubsub|channels pubsub|help pubsub|numpat pubsub|numsub
pubsub|shardchannels pubsub|shardnumsub punsubscribe role sort_ro ssubscribe subscribe sunsubscribe touch unsubscribe
xinfo|help memory|help
"""
# What draft_only leaves on top, on keys under the draft prefix alone: commands that write only the keys that they name,
# without waiting. Out are scripts, MOVE, COPY and SORT (they reach other databases or keys), RESTORE and all that has
# no key; and SELECT, since drafts are listed in one database.
_DRAFTING = """
append bitfield bitop decr decrby del delex expire expireat geoadd georadius georadiusbymember geosearchstore
getdel getex getset hdel hexpire hexpireat hgetdel hgetex hincrby hincrbyfloat hmset hpersist hpexpire hpexpireat hset
hsetex hsetnx incr incrby incrbyfloat linsert lmove lmpop lpop lpush lpushx lrem lset ltrim mset msetex msetnx persist
pexpire pexpireat pfadd pfmerge psetex rename renamenx rpop rpoplpush rpush rpushx sadd sdiffstore set setbit setex
setnx setrange sinterstore smove spop srem sunionstore unlink xadd xdel xtrim zadd zdiffstore zincrby zinterstore zmpop
zpopmax zpopmin zrangestore zrem zremrangebylex zremrangebyrank zremrangebyscore zunionstore
"""
# What reaches keys that it does not name, or the users: who may run one of these could remove what is parked.
_SWEEPING = """
acl|deluser acl|load acl|setuser cluster|reset config|set debug failover flushall flushdb module|load module|loadex
psync replicaof shutdown slaveof swapdb sync
"""
READS = frozenset((_READS + _SESSION).split())
DRAFTING = READS - {"select"} | frozenset(_DRAFTING.split())
SWEEPING = frozenset(_SWEEPING.split())
HARMLESS = READS | frozenset(_HARMLESS.split())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A server's commands by category, subcommands as `config|set`. Empty where the bot may not read it."""

    categories: Mapping[str, frozenset[str]]
    everything: frozenset[str] = frozenset()  # every command that the server names
    below: Mapping[str, frozenset[str]] = field(default_factory=dict)  # the subcommands of each that has some

    def allowed(self, rules: str) -> frozenset[str]:
        """The commands that `rules` allow. A name that the server does not know counts as allowed, to be safe."""
        found: set[str] = set()
        for rule in rules.split():
            change = found.update if rule.startswith("+") else found.difference_update
            change(self._meant(rule[1:].lower()))
        return frozenset(found)

    def alike(self, one: str | None, other: str | None) -> bool:
        """Whether two rules allow the same commands. None is no rule at all."""
        if one is None or other is None or not self.categories:
            return one == other
        return one == other or self.allowed(one) == self.allowed(other)

    def both(self, one: str, other: str) -> str:
        """The rules that allow what both allow; `one` where nothing tells them apart."""
        if self.alike(one, other) or not self.categories:
            return one
        shared = self.allowed(one) & self.allowed(other)
        same = next((rules for rules in (one, other) if self.allowed(rules) == shared), None)
        return " ".join((NOTHING, *(f"+{name}" for name in sorted(shared)))) if same is None else same

    def reads_of(self, rules: str) -> str:
        """The rules that allow just the reads among what `rules` allow."""
        return self._of(rules, READS)

    def drafts_of(self, rules: str) -> str:
        """The rules that allow just the reads, and the writes of named keys, among what `rules` allow."""
        return self._of(rules, DRAFTING)

    def some(self, rules: str) -> bool:
        """Whether `rules` allow any command. Without a catalogue only an empty rule is known not to."""
        return bool(self.allowed(rules)) if self.categories else rules not in ("", NOTHING)

    def only_reads(self, rules: str) -> bool:
        """Whether nothing that `rules` allow can write. Without a catalogue only an empty rule is known to."""
        if not self.categories:
            return rules in ("", NOTHING)
        return self.allowed(rules) <= HARMLESS

    def only_drafts(self, rules: str) -> bool:
        """Whether nothing that `rules` allow can write a key that it does not name, or leave the database."""
        return bool(self.categories) and self.allowed(rules) <= (HARMLESS | DRAFTING) - {"select"}

    def sweeping(self, rules: str) -> tuple[str, ...]:
        """Those among what `rules` allow that reach every key, or the users."""
        return tuple(sorted(self.allowed(rules) & SWEEPING & self.everything))

    def _of(self, rules: str, these: frozenset[str]) -> str:
        return " ".join((NOTHING, *(f"+{name}" for name in sorted(self.allowed(rules) & these & self.everything))))

    def _meant(self, name: str) -> frozenset[str]:
        if name == "@all":
            return self.everything
        if name.startswith("@"):
            return self.categories.get(name[1:], frozenset())
        if "|" in name:
            return frozenset({name})
        return self.below.get(name, frozenset()) | {name}


def catalogue(names: Iterable[str], members: Iterable[Iterable[str]]) -> Catalogue:
    """Puts the answers of `ACL CAT` and of one `ACL CAT name` each together."""
    categories = {name: frozenset(held) for name, held in zip(names, members, strict=True)}
    everything = frozenset[str]().union(*categories.values())
    below: dict[str, set[str]] = {}
    for name in everything:
        if "|" in name:
            below.setdefault(name.partition("|")[0], set()).add(name)
    return Catalogue(categories, everything, {name: frozenset(held) for name, held in below.items()})
