/* The floor: kill and read back over connections that are open already, and record nothing.
 *
 *   floor PORT N         connects to 127.a.b.c:PORT for every id, says "ready", and starts at the first line of input
 *
 * No signature, no journal, no report, no retry: less than any honest bot does. It ends when its input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 1 << 17, TO_STDIN = LIMIT };
static int of_id[LIMIT];
static uint8_t asked[LIMIT];

static struct sockaddr_in place(int id, int port) {
    uint32_t host = 127u << 24 | (uint32_t)(1 + id / 62500) << 16 | (uint32_t)(1 + id / 250 % 250) << 8 | (uint32_t)(1 + id % 250);
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

static void ask(int id, int post) {
    char text[256];
    int size = post ? snprintf(text, sizeof text, "POST /s%d HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"mode\": \"full_stop\"}", id)
                    : snprintf(text, sizeof text, "GET /s%d HTTP/1.1\r\nHost: f\r\n\r\n", id);
    if (send(of_id[id], text, size, MSG_NOSIGNAL) != size) perror("send");
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int port = argc > 1 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 0, one = 1, poller = epoll_create1(0);
    struct epoll_event events[512], event = {.events = EPOLLIN};
    for (int id = 0; id < count; id++) {
        struct sockaddr_in to = place(id, port);
        of_id[id] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(of_id[id], (struct sockaddr *)&to, sizeof to)) { perror("floor"); return 1; }
        setsockopt(of_id[id], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.data.u32 = id;
        epoll_ctl(poller, EPOLL_CTL_ADD, of_id[id], &event);
    }
    event.data.u32 = TO_STDIN;
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
    puts("ready");
    fflush(stdout);
    for (char text[1024];;) {
        int ready = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            uint32_t id = events[i].data.u32;
            if (id == TO_STDIN) {
                if (!fgets(text, sizeof text, stdin)) return 0;
                for (int next = 0; next < count; next++) ask(next, 1);
            } else if (recv(of_id[id], text, sizeof text, 0) <= 0) {
                close(of_id[id]);
            } else if (!asked[id]) {
                asked[id] = 1;
                ask(id, 0);
            }
        }
    }
}
