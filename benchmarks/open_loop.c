/* An open-loop HTTP/1.1 client: requests leave when they are due, whether or not earlier ones were answered.

   open_loop PORT RATE SECONDS CONNECTIONS SEED REQUESTS

   Arrivals are Poisson. A request without a free connection waits for one, and its latency counts from the time at index
   it was due, so that requests delayed by a stalled server are included (no coordinated omission). REQUESTS is a file of
   (int32 kind, int32 length, bytes), sent in turn. One line per response on stdout: kind, status (0: the connection
   broke), milliseconds from due to answered, milliseconds from due to sent. */

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_RESPONSE_BYTES (1 << 20)
#define DRAIN_TIMEOUT_S 10.0 /* for the responses that are due at the end */

typedef struct { int kind, size; char *text; } Request;
typedef struct { int fd, busy, n_received, kind; double due, sent; char *response; } Connection;
typedef struct { double due; int request; } Waiting;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) { perror(what); exit(1); }

static int connect_to(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static Request *read_requests(const char *path, int *count) {
    FILE *file = fopen(path, "rb");
    Request *all = NULL;
    int head[2];
    if (!file) fail(path);
    for (*count = 0; fread(head, sizeof head, 1, file) == 1; ++*count) {
        all = realloc(all, (*count + 1) * sizeof *all);
        all[*count] = (Request){head[0], head[1], malloc(head[1])};
        if (fread(all[*count].text, head[1], 1, file) != 1) fail("a request is cut off");
    }
    fclose(file);
    return all;
}

static void send_request(Connection *c, const Request *request, double due) {
    c->busy = 1, c->n_received = 0, c->kind = request->kind, c->due = due, c->sent = now();
    for (int done = 0; done < request->size;) {
        ssize_t n_sent = send(c->fd, request->text + done, request->size - done, MSG_NOSIGNAL);
        if (n_sent <= 0) return; /* receive() sees that the connection is broken */
        done += n_sent;
    }
}

/* 1: the response is complete; 0: more will come; -1: the connection is broken. */
static int receive(Connection *c) {
    ssize_t read = recv(c->fd, c->response + c->n_received, MAX_RESPONSE_BYTES - 1 - c->n_received, 0);
    if (read <= 0) return -1;
    c->n_received += read;
    c->response[c->n_received] = 0;
    char *end = strstr(c->response, "\r\n\r\n"), *length = strcasestr(c->response, "\r\ncontent-length:");
    if (!end) return 0;
    if (!length || length > end) return -1;
    return c->n_received >= (end + 4 - c->response) + atoi(length + 17);
}

static void report(Connection *c, int status) {
    printf("%d %d %.3f %.3f\n", c->kind, status, 1e3 * (now() - c->due), 1e3 * (c->sent - c->due));
    c->busy = 0;
}

int main(int argc, char **argv) {
    if (argc != 7) { fprintf(stderr, "open_loop PORT RATE SECONDS CONNECTIONS SEED REQUESTS\n"); return 2; }
    int port = atoi(argv[1]), n_connections = atoi(argv[4]), count, poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    double rate = atof(argv[2]), start, end, next;
    srand48(atol(argv[5]));
    Request *requests = read_requests(argv[6], &count);
    if (count == 0) { fprintf(stderr, "no requests\n"); return 2; }
    Connection *all = calloc(n_connections, sizeof *all);
    int *idle = malloc(n_connections * sizeof *idle), n_idle = n_connections, n_requested = 0, busy = 0;
    size_t capacity = (size_t)(rate * atof(argv[3]) * 2) + 10000, first = 0, last = 0;
    Waiting *waiting = malloc(capacity * sizeof *waiting);
    for (int i = 0; i < n_connections; ++i) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        all[i] = (Connection){.fd = connect_to(port), .response = malloc(MAX_RESPONSE_BYTES)};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
        idle[i] = i;
    }
    struct epoll_event tick = {.events = EPOLLIN, .data.u32 = n_connections}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &tick);
    start = next = now(), end = start + atof(argv[3]);
    while (next < end || first < last || (busy && now() < end + DRAIN_TIMEOUT_S)) {
        for (; next < end && next <= now() && last < capacity; next -= log(1 - drand48()) / rate)
            waiting[last++] = (Waiting){next, n_requested++ % count};
        for (; n_idle && first < last; ++first, ++busy)
            send_request(&all[idle[--n_idle]], &requests[waiting[first].request], waiting[first].due);
        if (now() > end + DRAIN_TIMEOUT_S) break;
        double until = next < end ? next : now() + 0.1;
        struct itimerspec when = {.it_value = {(time_t)until, (long)((until - floor(until)) * 1e9) + 1}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
        int ready = epoll_wait(poll, events, 256, 1000);
        for (int i = 0; i < ready; ++i) {
            unsigned index = events[i].data.u32;
            if (index == (unsigned)n_connections) { long ticks; if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) fail("timer"); continue; }
            Connection *c = &all[index];
            int complete = receive(c);
            if (!complete) continue;
            if (c->busy) { report(c, complete > 0 ? atoi(c->response + 9) : 0); idle[n_idle++] = index; --busy; }
            if (complete < 0) {
                struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
                close(c->fd);
                c->fd = connect_to(port);
                epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
            }
        }
    }
    for (; first < last; ++first) printf("%d 0 %.3f %.3f\n", requests[waiting[first].request].kind, 1e3 * (now() - waiting[first].due), -1.0);
    for (int i = 0; i < n_connections; ++i) if (all[i].busy) report(&all[i], 0);
    return 0;
}
