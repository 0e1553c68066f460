/* DEL: RTM_DELLINK blocks its sender until the grace periods after the removal are over (14 to 20 ms), but
 * the notification that the link is gone comes within a millisecond. So a detached child sends it and the
 * parent leaves on the notification. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "netlink.h"

/* Everything is closed but the deleting socket, the held one and the pipe: the child must not keep the
 * caller's pipes. They are moved to 0, 1 and 2 so that one close_range() does it. */
static _Noreturn void delete_link(const struct message* m, int rtnetlink, int hold, int status) {
  setsid();
  signal(SIGPIPE, SIG_IGN); /* the parent has left by the time of the answer */
  if (chdir("/") != 0) _exit(1);
  dup2(status, 0);
  dup2(rtnetlink, 1);
  dup2(hold >= 0 ? hold : rtnetlink, 2);
  close_range(3, ~0U, 0);

  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  sendto(1, m->data, m->used, 0, (struct sockaddr*)&kernel, sizeof kernel);
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
  } ack;
  int error = EPROTO;
  if (recv(1, &ack, sizeof ack, 0) >= (ssize_t)(sizeof ack.header + sizeof ack.error.error))
    error = -ack.error.error;
  const ssize_t told = write(0, &error, sizeof error);
  if (hold >= 0 && (told < 0 || error == 0)) {
    const struct timespec pause = {.tv_nsec = 60000000};
    nanosleep(&pause, NULL);
  }
  _exit(0);
}

static int status_pipe[2];

int detach_links(const char* host_if, int hold_fd) {
  const int events = netlink_open(NETLINK_ROUTE);
  struct sockaddr_nl link_group = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  if (bind(events, (struct sockaddr*)&link_group, sizeof link_group) != 0) die("bind", errno);
  const int rtnetlink = netlink_open(NETLINK_ROUTE);
  if (pipe2(status_pipe, O_CLOEXEC) != 0) die("pipe", errno);

  struct message m = {.used = 0};
  message_begin(&m, RTM_DELLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
  put_string(&m, IFLA_IFNAME, host_if);
  message_end(&m);

  const pid_t child = fork();
  if (child < 0) die("fork", errno);
  if (child == 0) delete_link(&m, rtnetlink, hold_fd, status_pipe[1]);
  close(status_pipe[1]);
  return events;
}

/* The bridge announces the port's end with AF_BRIDGE first; the link is gone with the AF_UNSPEC one. */
static int is_end_of(const struct nlmsghdr* h, const char* name) {
  const struct ifinfomsg* link = NLMSG_DATA(h);
  if (h->nlmsg_type != RTM_DELLINK || link->ifi_family != AF_UNSPEC) return 0;
  size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof *link);
  for (struct rtattr* a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left))
    if (a->rta_type == IFLA_IFNAME) return strcmp(RTA_DATA(a), name) == 0;
  return 0;
}

void links_gone(int fd, const char* host_if) {
  _Alignas(NLMSG_ALIGNTO) static uint8_t buffer[32768];
  struct pollfd ready[2] = {{.fd = fd, .events = POLLIN}, {.fd = status_pipe[0], .events = POLLIN}};
  for (;;) {
    if (poll(ready, 2, 1000) <= 0) die("no answer to RTM_DELLINK", ETIMEDOUT);
    if (ready[0].revents != 0) {
      const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
      if (size < 0) die("notification", errno);
      size_t left = (size_t)size;
      for (struct nlmsghdr* h = (struct nlmsghdr*)(void*)buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
        if (is_end_of(h, host_if)) return;
    } else {
      int error = EPIPE;
      if (read(status_pipe[0], &error, sizeof error) < 0) die("status", errno);
      if (error != 0) die(host_if, error);
      return;
    }
  }
}
