/* The stop protocol: a hold set over targets that carry no mark ("dumb": whatever lands last counts).
 *
 * Stops add holds, in the bot or offline in a journal of their own. Ballots open on what is live, commit in one
 * transaction (tombstones for what they named, and a restore hold at the current mode), may be committed again because
 * an answer was lost, and then lower their restore hold by one mode per step. Each step's call asks a gate, lands late,
 * and returns later still. Cuts wait for nothing. The bot crashes once, at any point, and starts over its journals.
 *
 * With -DOTHERS the one target is any one of any number. Whatever the others do reaches it by one way alone, a ballot
 * that is void on their account, so a ballot may be void at any moment; and each stop binds the target or not, in either
 * mode. README.md says why every run over several targets, seen from one of them, is a run of this.
 *
 * Sizes and broken designs are chosen with -D; run.py lists them with the verdict that each must have.
 */
#ifndef STOPS
#define STOPS 3
#endif
#ifndef RESTORES
#define RESTORES 2
#endif
#ifndef TARGETS
#define TARGETS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#define OFFLINE_STOP (STOPS - 1) /* may be asked on the command line, with the bot unaware */
#define BIT(k) (1 << (k))
#define FIRST_RESTORE_HOLD 128 /* in what a second ballot names: what the first one, now void, left held */
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* stop 0: full on all targets, stop 1: read_only on target 0, the last: full on the last target */
#ifdef OTHERS
byte bound; /* the stops that bind the target, and those of them that ask for read_only; chosen once */
byte mild;
#define MODE(k) ((mild & BIT(k)) -> 1 : 2)
#define BINDS(k, t) ((bound & BIT(k)) != 0)
#else
#define MODE(k) ((k) == 1 && STOPS > 2 -> 1 : 2)
#define BINDS(k, t) ((k) == 0 || ((k) == 1 && STOPS > 2 && (t) == 0) || ((k) == OFFLINE_STOP && (t) == TARGETS - 1))
#endif
#define IF_IN(set, k, t) (((set) & BIT(k)) && BINDS(k, t) -> MODE(k) : 0)
#if STOPS > 2
#define STRICTEST(set, t) MAX(IF_IN(set, 0, t), MAX(IF_IN(set, 1, t), IF_IN(set, 2, t)))
#else
#define STRICTEST(set, t) MAX(IF_IN(set, 0, t), IF_IN(set, 1, t))
#endif
#if RESTORES > 1
#define RESTORE_HOLDS(t) MAX(rhold[0 * TARGETS + (t)], rhold[1 * TARGETS + (t)])
#else
#define RESTORE_HOLDS(t) rhold[t]
#endif

/* the world */
byte mode[TARGETS]; /* 0 normal, 1 read_only, 2 full_stop */

/* durable */
byte asked;             /* stops that were answered RECORDED: the oracle's own knowledge */
byte journal;           /* holds in the bot's journal */
byte offline;           /* holds in the command line's journal */
byte tomb[TARGETS];     /* tombstones, by hold */
byte rhold[RESTORES * TARGETS]; /* restore holds, one per ballot and target */
byte rfrom[RESTORES * TARGETS]; /* a step under way: the mode it left; 0 where none is */
byte rstate[RESTORES];  /* 0 not opened, 1 open, 2 committed, 3 void */
byte named[RESTORES];   /* what its ballot showed */
byte retries = RETRIES;
byte crashes = CRASHES;

/* the bot's memory */
byte known;             /* holds on its board */
byte forgotten[TARGETS]; /* tombstones that its memory lacks; only a broken start makes any */
byte cut[TARGETS];      /* 0 none, 1 sent, 2 landed, 3 read back */
byte cut_mode[TARGETS];
byte read[TARGETS];
bool overlapped[TARGETS];
bool proven[TARGETS];
byte proof[TARGETS];
byte call[RESTORES * TARGETS]; /* a loosening: 0 none, 1 the gate said yes, 2 landed and not yet returned */
byte call_to[RESTORES * TARGETS];
byte ghost[TARGETS];    /* 1 + mode of what a dead process had sent and may still land */

#if defined(FLAG) || defined(EPOCH)
byte flag[TARGETS]; /* what the last command, or the one of the highest epoch, said */
#ifdef EPOCH
byte epoch[TARGETS];
byte seen_epoch[RESTORES];
#endif
#define EFFECTIVE(t) MAX(flag[t], RESTORE_HOLDS(t))
#else
#define EFFECTIVE(t) MAX(STRICTEST(known & ~(tomb[t] & ~forgotten[t]), t), RESTORE_HOLDS(t))
#endif
/* what must be so, whatever the design: recorded stops that no committed ballot named, and restore holds */
#define TRUTH(t) MAX(STRICTEST(asked & ~tomb[t], t), RESTORE_HOLDS(t))
#define TOLD(t) MAX(STRICTEST(asked & (journal | offline) & ~tomb[t], t), RESTORE_HOLDS(t))
#if RESTORES > 1
#define OPEN(t) (call[t] || call[TARGETS + (t)])
#else
#define OPEN(t) (call[t])
#endif
#define GREEN(t) (proven[t] && proof[t] >= EFFECTIVE(t) && EFFECTIVE(t) > 0)
/* P3: never shown as verified while looser than what the bot knows to be held */
#define HONEST(t) assert(!(GREEN(t) && mode[t] < EFFECTIVE(t)))

byte i, j, o, lifts;

/* What nothing reads any more is zero, so that states that differ in it alone are one. */
#define UNPROVE(t) proven[t] = false; proof[t] = 0
#define READ_NO_MORE(r) (rstate[r] == 3 || (rstate[r] == 2 && !retries))

inline tidy() {
  if :: READ_NO_MORE(0) -> named[0] = 0 :: else fi;
#if RESTORES > 1
  if :: READ_NO_MORE(1) -> named[1] = 0 :: else fi
#endif
}

inline each_honest() {
  i = 0;
  do :: i < TARGETS -> HONEST(i); i++ :: else -> break od;
}

inline add(k) {
  known = known | BIT(k);
#if defined(FLAG) || defined(EPOCH)
  i = 0;
  do
  :: i < TARGETS && BINDS(k, i) ->
#ifdef EPOCH
     epoch[i]++;
#endif
     flag[i] = MODE(k); i++
  :: i < TARGETS && !BINDS(k, i) -> i++
  :: else -> break
  od
#endif
}

inline stop(k) { /* in the bot: fsync, then answer and dispatch */
#ifndef NO_JOURNAL
  journal = journal | BIT(k);
#endif
  add(k); asked = asked | BIT(k)
}

inline stop_offline(k) { offline = offline | BIT(k); asked = asked | BIT(k) }

inline adopt() { /* the bot reads the other writer's journal; a hold read again changes nothing */
#ifdef EPOCH
  /* it was given the next epoch that its writer knew of: a restore since then is newer */
  i = 0;
  do
  :: i < TARGETS && BINDS(OFFLINE_STOP, i) -> if :: epoch[i] == 0 -> flag[i] = MODE(OFFLINE_STOP); epoch[i] = 1 :: else fi; i++
  :: i < TARGETS && !BINDS(OFFLINE_STOP, i) -> i++
  :: else -> break
  od;
  known = known | offline
#else
  add(OFFLINE_STOP)
#endif
}

inline refresh() { if :: offline & ~known -> adopt() :: else fi }

inline open_ballot(r) {
  rstate[r] = 1; named[r] = known;
  if :: r == 1 && rstate[0] == 3 -> named[r] = named[r] | FIRST_RESTORE_HOLD :: else fi;
#ifdef EPOCH
  seen_epoch[r] = epoch[0] + epoch[TARGETS - 1]
#endif
}

inline commit(r) { /* one transaction */
  i = 0; o = rstate[r];
  do
  :: i < TARGETS ->
     j = EFFECTIVE(i);
#ifdef LIFT_ALL
     lifts = known; /* what is live now, not what the ballot showed */
#else
     lifts = named[r] & ~FIRST_RESTORE_HOLD;
#endif
     assert(!(lifts & ~tomb[i] & ~named[r])); /* a lift names only what its ballot named */
     tomb[i] = tomb[i] | lifts;
#if defined(FLAG) || defined(EPOCH)
     flag[i] = 0;
#ifdef EPOCH
     epoch[i]++;
#endif
#endif
     if
     :: o == 1 ->
        if :: named[r] & FIRST_RESTORE_HOLD -> rhold[i] = 0 :: else fi;
        rhold[r * TARGETS + i] = j
     :: else /* committed before: the restore hold stays as it is */
     fi;
     i++
  :: else -> break
  od;
  rstate[r] = 2;
  tidy()
}

inline step(r, t) { /* lowers the restore hold by one mode: the intent, durable before the call */
  rfrom[r * TARGETS + t] = rhold[r * TARGETS + t];
  rhold[r * TARGETS + t]--;
  call_to[r * TARGETS + t] = rhold[r * TARGETS + t]
}

inline gate(r, t) {
#ifndef BLIND_GATE
  refresh();
#endif
  if
#ifdef BLIND_GATE
  :: true ->
#else
  :: EFFECTIVE(t) <= call_to[r * TARGETS + t] ->
#endif
     assert(TOLD(t) <= call_to[r * TARGETS + t]); /* no gate opens below what any journal holds */
     call[r * TARGETS + t] = 1;
     UNPROVE(t); /* it is relaxing */
     if :: cut[t] -> overlapped[t] = true :: else fi
#ifndef BLIND_GATE
  :: else -> /* a stricter hold came: no call, the remaining steps are void */
     rfrom[r * TARGETS + t] = 0; call_to[r * TARGETS + t] = 0; rstate[r] = 3; tidy()
#endif
  fi
}

inline give_back(r, t) { /* lands: a dumb target takes it, whatever came since */
  mode[t] = call_to[r * TARGETS + t]; call[r * TARGETS + t] = 2; HONEST(t)
}

inline returned(r, t) {
  call[r * TARGETS + t] = 0; call_to[r * TARGETS + t] = 0; rfrom[r * TARGETS + t] = 0; UNPROVE(t)
}

inline begin_cut(t) { cut[t] = 1; cut_mode[t] = EFFECTIVE(t); overlapped[t] = OPEN(t) }
inline land_cut(t) { mode[t] = MAX(mode[t], cut_mode[t]); cut[t] = 2 }
inline read_back(t) { read[t] = mode[t]; cut[t] = 3 }

inline judge(t) {
  if
#if defined(BY_MODE)
  :: read[t] >= cut_mode[t] -> proven[t] = true; proof[t] = cut_mode[t]
#elif defined(NO_RERUN)
  :: read[t] >= cut_mode[t] && !OPEN(t) -> proven[t] = true; proof[t] = cut_mode[t]
#else
  :: read[t] >= cut_mode[t] && !overlapped[t] && !OPEN(t) -> proven[t] = true; proof[t] = cut_mode[t]
#endif
  :: else
  fi;
  cut[t] = 0; cut_mode[t] = 0; read[t] = 0; overlapped[t] = false; HONEST(t)
}

inline forget(t) { /* what a crash takes of a target */
  i = 0;
  do
  :: i < RESTORES ->
     if
#ifdef LATE_AFTER_CRASH
     :: call[i * TARGETS + t] == 1 -> ghost[t] = 1 + call_to[i * TARGETS + t]
#endif
     :: call[i * TARGETS + t] == 1 -> mode[t] = call_to[i * TARGETS + t] /* landed before the connection was gone */
     :: true
     fi;
     if
     :: rfrom[i * TARGETS + t] -> /* between relax and read-back: back to the mode that the step left */
#ifndef NO_STEP_BACK
        rhold[i * TARGETS + t] = rfrom[i * TARGETS + t];
#endif
        assert(rhold[i * TARGETS + t] >= rfrom[i * TARGETS + t]);
        rfrom[i * TARGETS + t] = 0; rstate[i] = 3
     :: else
     fi;
     call[i * TARGETS + t] = 0; call_to[i * TARGETS + t] = 0;
     i++
  :: else -> break
  od;
  cut[t] = 0; cut_mode[t] = 0; read[t] = 0; overlapped[t] = false; UNPROVE(t);
#ifdef RESURRECT
  forgotten[t] = tomb[t]; /* the tombstones lived in a database that was put back */
#endif
}

inline crash() {
  crashes--;
  j = 0;
  do :: j < TARGETS -> forget(j); j++ :: else -> break od;
  j = 0;
  do :: j < RESTORES -> if :: rstate[j] == 1 -> rstate[j] = 3 :: else fi; j++ :: else -> break od; /* open ballots are void */
  known = journal | (known & offline);
  /* tombstones never resurrect: what a committed ballot ended does not bind again */
  j = 0;
  do :: j < TARGETS -> assert(!(forgotten[j] & known)); j++ :: else -> break od;
  tidy();
  i = 0; j = 0; o = 0
}

#define IDLE_STEP(r, t) (rstate[r] == 2 && rhold[(r) * TARGETS + (t)] > 0 && !rfrom[(r) * TARGETS + (t)])

#define OF_STOP(k) \
  :: atomic { !(asked & BIT(k)) -> stop(k); each_honest(); i = 0 }

#define OF_BALLOT(r) \
  :: atomic { rstate[r] == 0 && known && COMMITTED_BEFORE(r) -> open_ballot(r) } \
  :: atomic { rstate[r] == 1 && CAS(r) -> refresh(); commit(r); each_honest(); i = 0; j = 0; o = 0; lifts = 0 } \
  :: atomic { rstate[r] == 2 && retries && CAS(r) -> retries--; refresh(); commit(r); each_honest(); i = 0; j = 0; o = 0; lifts = 0 }

#define OF_STEP(r, t) \
  :: atomic { IDLE_STEP(r, t) -> step(r, t); gate(r, t); i = 0 } \
  :: atomic { call[(r) * TARGETS + (t)] == 1 -> give_back(r, t) } \
  :: atomic { call[(r) * TARGETS + (t)] == 2 -> returned(r, t) }

#define OF_TARGET(t) \
  :: atomic { !cut[t] && EFFECTIVE(t) > 0 && !GREEN(t) && !(OPEN(t) && mode[t] >= EFFECTIVE(t)) -> begin_cut(t) } \
  :: atomic { cut[t] == 1 -> land_cut(t) } \
  :: atomic { cut[t] == 2 -> read_back(t) } \
  :: atomic { cut[t] == 3 -> judge(t) } \
  :: atomic { GREEN(t) && mode[t] < EFFECTIVE(t) -> UNPROVE(t) } \
  :: atomic { ghost[t] -> mode[t] = ghost[t] - 1; ghost[t] = 0; HONEST(t) }

/* the others: a gate refuses at one of them, or a crash finds a step under way there */
#ifdef OTHERS
#define OF_OTHERS(r) :: atomic { rstate[r] == 2 -> rstate[r] = 3; tidy() }
#ifdef PROJECT
#define ONE_ORDER false /* states are compared one by one, those with the two stops exchanged too */
#else
#define ONE_ORDER (STOPS > 2)
#endif
#define RANK(k) (((bound >> (k)) & 1) * 2 + ((mild >> (k)) & 1))
#else
#define OF_OTHERS(r)
#endif

#define COMMITTED_BEFORE(r) (r == 0 || rstate[0] >= 2)
#ifdef EPOCH
#define CAS(r) (seen_epoch[r] == epoch[0] + epoch[TARGETS - 1])
#else
#define CAS(r) true
#endif

/* Writes every reachable state as each of its targets sees it; run.py compares them with those of -DOTHERS. */
#ifdef PROJECT
c_code {
\#include "seen.h"
}
#define OF_PROJECTION :: c_expr { SEEN } -> skip
#else
#define OF_PROJECTION
#endif

/* The whole world is one process that takes any step that is possible: every interleaving of single steps. */
active proctype world() {
#ifdef OTHERS
  atomic { /* stops 0 and 1 may change places, so one order of them is enough */
    select(bound : 0 .. (1 << STOPS) - 1);
    select(mild : 0 .. (1 << STOPS) - 1);
    if :: (mild & ~bound) || (ONE_ORDER && RANK(0) < RANK(1)) -> bound = 0; mild = 0 :: else fi
  }
#endif
  do
  OF_PROJECTION
  OF_STOP(0)
  OF_STOP(1)
#if STOPS > 2
  OF_STOP(2)
#endif
  :: atomic { !(asked & BIT(OFFLINE_STOP)) -> stop_offline(OFFLINE_STOP) }
  :: atomic { offline & ~known -> adopt(); each_honest(); i = 0 }
  OF_BALLOT(0)
  OF_OTHERS(0)
  OF_STEP(0, 0)
#if RESTORES > 1
  OF_BALLOT(1)
  OF_OTHERS(1)
  OF_STEP(1, 0)
#endif
  OF_TARGET(0)
#if TARGETS > 1
  OF_STEP(0, 1)
#if RESTORES > 1
  OF_STEP(1, 1)
#endif
  OF_TARGET(1)
#endif
  :: atomic { crashes -> crash() }
  :: timeout -> break /* all is quiet */
  od;
  i = 0;
  do
  :: i < TARGETS ->
     assert(mode[i] >= TRUTH(i)); /* as strict as everything that was recorded and not lifted by name */
     assert(EFFECTIVE(i) == 0 || GREEN(i)); /* and shown to be */
     i++
  :: else -> break
  od
}
