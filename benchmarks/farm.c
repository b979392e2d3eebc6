/* A farm of control endpoints: its clock and its table per surface are the truth of the benchmark.
 *
 *   farm PORT            answers GET and POST /s<id> on every address of the loopback network
 *
 * One thread, one epoll. A request is answered, and a POST takes effect, `latency` after it arrived. A hung surface
 * accepts and never answers. Signatures are not checked: the bot makes them, and checking them would cost the farm's
 * core and not the bot's. Commands on standard input, one a line, each answered by one line:
 *
 *   reset LATENCY_US HUNG_PER_MILLE SEED N   forgets everything; which surfaces hang depends on seed and id alone
 *   count                                    "<GETs> <healthy surfaces cut> <of those, read back as cut> <POSTs>"
 *   table FILE                               per id: hung, first and last cut, first read-back (ns, monotonic), cuts
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { SURFACES = 1 << 17, FDS = 1 << 17, BUFFER = 2048, QUEUE = 1 << 18, TO_STDIN = FDS, TO_TIMER = FDS + 1, TO_LISTENER = FDS + 2 };

static const char *MODES[] = {"normal", "approval_gated", "draft_only", "read_only", "full_stop"};

struct surface { int64_t first, last, read_back; uint32_t cuts; uint8_t mode; };
struct peer { char *buffer; uint32_t have, generation; };
struct later { int64_t due; uint32_t fd, generation, id; int8_t mode; /* -1: a GET */ };

static struct surface surfaces[SURFACES];
static struct peer peers[FDS];
static struct later queue[QUEUE];
static uint64_t head, tail;
static int64_t latency;
static uint32_t hung_per_mille, seed, asked, gets, posts, cut, read_back;
static int poller, timer, armed;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int hangs(uint32_t id) {
    uint64_t x = ((uint64_t)seed << 32 | id) * 0x9E3779B97F4A7C15ULL;
    x ^= x >> 29; x *= 0xBF58476D1CE4E5B9ULL; x ^= x >> 32;
    return id < asked && x % 1000 < hung_per_mille;
}

static void watch(int fd, uint32_t events, uint32_t name) {
    struct epoll_event event = {.events = events, .data.u32 = name};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void drop(int fd) {
    close(fd);
    free(peers[fd].buffer);
    peers[fd].buffer = NULL;
    peers[fd].have = 0;
    peers[fd].generation++;
}

static void arm(void) {
    if (armed || head == tail) return;
    int64_t due = queue[head % QUEUE].due;
    struct itimerspec at = {.it_value = {due / 1000000000LL, due % 1000000000LL}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    armed = 1;
}

static void answer(const struct later *one) {
    struct surface *surface = &surfaces[one->id];
    int64_t now = now_ns();
    int real = one->id < asked;
    if (one->mode >= 0) {
        posts++;
        surface->mode = one->mode;
        surface->cuts++;
        surface->last = now;
        if (!surface->first) { surface->first = now; cut += real; }
    } else {
        gets++;
        if (surface->mode && !surface->read_back) { surface->read_back = now; read_back += real; }
    }
    if (peers[one->fd].generation != one->generation || !peers[one->fd].buffer) return; /* the caller hung up: it is cut all the same */
    char text[256], body[64];
    int size = snprintf(body, sizeof body, "{\"mode\": \"%s\"}", MODES[surface->mode]);
    int all = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size, body);
    if (send(one->fd, text, all, MSG_NOSIGNAL) != all) drop(one->fd);
}

static void due(void) {
    uint64_t ticks;
    if (read(timer, &ticks, sizeof ticks) < 0) return;
    armed = 0;
    int64_t now = now_ns();
    while (head != tail && queue[head % QUEUE].due <= now) answer(&queue[head++ % QUEUE]);
    arm();
}

static void take(int fd, uint32_t id, int8_t mode) {
    if (hangs(id) || tail - head >= QUEUE) return;
    queue[tail++ % QUEUE] = (struct later){now_ns() + latency, fd, peers[fd].generation, id, mode};
    arm();
}

static int8_t mode_of(const char *body) {
    for (int8_t mode = 4; mode > 0; mode--) if (strstr(body, MODES[mode])) return mode;
    return 0;
}

/* Takes one request off the buffer; 0 where it is not whole yet. */
static int request(int fd) {
    struct peer *peer = &peers[fd];
    peer->buffer[peer->have] = 0;
    char *end = strstr(peer->buffer, "\r\n\r\n");
    if (!end) return 0;
    *end = 0;
    char *length = strcasestr(peer->buffer, "\r\ncontent-length:");
    uint32_t body = length ? strtoul(length + 17, NULL, 10) : 0, size = end + 4 - peer->buffer + body;
    *end = '\r';
    if (size > peer->have) return 0;
    char *path = strstr(peer->buffer, "/s");
    uint32_t id = path ? strtoul(path + 2, NULL, 10) % SURFACES : 0;
    char kept = peer->buffer[size];
    peer->buffer[size] = 0;
    int8_t mode = peer->buffer[0] == 'P' ? mode_of(end + 4) : -1;
    peer->buffer[size] = kept;
    memmove(peer->buffer, peer->buffer + size, peer->have -= size);
    take(fd, id, mode);
    return 1;
}

static void hear(int fd) {
    struct peer *peer = &peers[fd];
    if (!peer->buffer) return;
    ssize_t got = recv(fd, peer->buffer + peer->have, BUFFER - peer->have, 0);
    if (got <= 0) { if (got == 0 || errno != EAGAIN) drop(fd); return; }
    peer->have += got;
    while (request(fd)) {}
    if (peer->have >= BUFFER) drop(fd);
}

static void greet(int listener) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    for (int fd; (fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK)) >= 0; size = sizeof from) {
        if (fd >= FDS || ntohl(from.sin_addr.s_addr) >> 24 != 127) { close(fd); continue; } /* loopback alone */
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peers[fd].buffer = malloc(BUFFER + 1);
        peers[fd].have = 0;
        watch(fd, EPOLLIN, fd);
    }
}

static void reset(const char *line) {
    unsigned us = 0;
    sscanf(line, "reset %u %u %u %u", &us, &hung_per_mille, &seed, &asked);
    latency = us * 1000LL;
    memset(surfaces, 0, sizeof surfaces);
    gets = posts = cut = read_back = 0;
    puts("ok");
}

static void table(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) { puts("no such file"); return; }
    for (uint32_t id = 0; id < asked; id++)
        fprintf(file, "%u %d %lld %lld %lld %u\n", id, hangs(id), (long long)surfaces[id].first, (long long)surfaces[id].last,
                (long long)surfaces[id].read_back, surfaces[id].cuts);
    fclose(file);
    puts("ok");
}

static void obey(void) {
    char line[512];
    if (!fgets(line, sizeof line, stdin)) exit(0);
    line[strcspn(line, "\n")] = 0;
    if (!strncmp(line, "reset ", 6)) reset(line);
    else if (!strncmp(line, "count", 5)) printf("%u %u %u %u\n", gets, cut, read_back, posts);
    else if (!strncmp(line, "table ", 6)) table(line + 6);
    else puts("unknown");
    fflush(stdout);
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0), .sin_addr.s_addr = htonl(INADDR_ANY)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
    socklen_t size = sizeof place;
    if (bind(listener, (struct sockaddr *)&place, size) || listen(listener, 65535) || getsockname(listener, (struct sockaddr *)&place, &size)) { perror("farm"); return 1; }
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(0, EPOLLIN, TO_STDIN);
    watch(timer, EPOLLIN, TO_TIMER);
    watch(listener, EPOLLIN, TO_LISTENER);
    printf("%d\n", ntohs(place.sin_port));
    fflush(stdout);
    for (struct epoll_event events[512];;) {
        int count = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < count; i++) {
            uint32_t name = events[i].data.u32;
            if (name == TO_STDIN) obey();
            else if (name == TO_TIMER) due();
            else if (name == TO_LISTENER) greet(listener);
            else hear(name);
        }
    }
}
