/* Included by what Spin makes of holds.pml with -DPROJECT: a record on standard error for each state and target. */
#define SEEN seen()
#define SAY(byte) putc((byte), stderr)
#ifdef OTHERS
#define BINDS(k, t) (now.bound >> (k) & 1)
#define MILD(k, t) (now.mild >> (k) & 1)
#else /* as the macros of that name in holds.pml have it */
#define BINDS(k, t) ((k) == 0 || ((k) == 1 && STOPS > 2 && (t) == 0) || ((k) == STOPS - 1 && (t) == TARGETS - 1))
#define MILD(k, t) ((k) == 1 && STOPS > 2 && BINDS(k, t))
#endif

static int seen(void)
{
  for (int t = 0; t < TARGETS; t++) {
    for (int k = 0; k < STOPS; k++) SAY(BINDS(k, t) * 2 + MILD(k, t));
    SAY(now.asked), SAY(now.journal), SAY(now.offline), SAY(now.known), SAY(now.retries), SAY(now.crashes);
    for (int r = 0; r < RESTORES; r++) {
      int at = r * TARGETS + t;
      SAY(now.rstate[r]), SAY(now.named[r]), SAY(now.rhold[at]), SAY(now.rfrom[at]);
      SAY(now.call[at]), SAY(now.call_to[at]);
    }
    SAY(now.tomb[t]), SAY(now.mode[t]), SAY(now.cut[t]), SAY(now.cut_mode[t]), SAY(now.read[t]);
    SAY(now.overlapped[t]), SAY(now.proven[t]), SAY(now.proof[t]);
  }
  return 0;
}
