#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void die(const char* what, int error) {
  dprintf(STDERR_FILENO, "floor: %s: %s\n", what, strerror(error));
  _exit(1);
}

void* reserve(struct message* m, size_t size) {
  const size_t aligned = (size + 3U) & ~(size_t)3U;
  if (m->used + aligned > sizeof m->data) die("message", EMSGSIZE);
  void* at = m->data + m->used;
  memset(at, 0, aligned);
  m->used += aligned;
  return at;
}

void* message_begin(struct message* m, uint16_t type, uint16_t flags, size_t size) {
  m->header = m->used;
  struct nlmsghdr* header = reserve(m, sizeof *header);
  header->nlmsg_type = type;
  header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  header->nlmsg_seq = ++m->requests;
  return reserve(m, size);
}

void message_end(struct message* m) {
  struct nlmsghdr* header = (struct nlmsghdr*)(void*)(m->data + m->header);
  header->nlmsg_len = (uint32_t)(m->used - m->header);
}

void put(struct message* m, uint16_t type, const void* value, size_t size) {
  struct nlattr* attribute = reserve(m, sizeof *attribute);
  attribute->nla_type = type;
  attribute->nla_len = (uint16_t)(sizeof *attribute + size);
  memcpy(reserve(m, size), value, size);
}

void put_u32(struct message* m, uint16_t type, uint32_t value) { put(m, type, &value, sizeof value); }
void put_be32(struct message* m, uint16_t type, uint32_t value) { put_u32(m, type, htonl(value)); }
void put_string(struct message* m, uint16_t type, const char* text) { put(m, type, text, strlen(text) + 1); }

size_t nest_begin(struct message* m, uint16_t type) {
  const size_t nest = m->used;
  struct nlattr* attribute = reserve(m, sizeof *attribute);
  attribute->nla_type = (uint16_t)(type | NLA_F_NESTED);
  return nest;
}

void nest_end(struct message* m, size_t nest) {
  struct nlattr* attribute = (struct nlattr*)(void*)(m->data + nest);
  attribute->nla_len = (uint16_t)(m->used - nest);
}

int netlink_open(int protocol) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) die("socket", errno);
  return fd;
}

void netlink_send(int fd, const struct message* m) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  const ssize_t sent = sendto(fd, m->data, m->used, 0, (struct sockaddr*)&kernel, sizeof kernel);
  if (sent != (ssize_t)m->used) die("sendto", errno);
}

uint32_t netlink_acks(int fd, uint32_t acks, const char* what) {
  _Alignas(NLMSG_ALIGNTO) static uint8_t buffer[32768];
  uint32_t index = 0;
  while (acks > 0) {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) die("recv", errno);
    size_t left = (size_t)size;
    for (struct nlmsghdr* h = (struct nlmsghdr*)(void*)buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == RTM_NEWLINK) {
        index = (uint32_t)((struct ifinfomsg*)NLMSG_DATA(h))->ifi_index;
      } else if (h->nlmsg_type == NLMSG_ERROR) {
        const int error = ((struct nlmsgerr*)NLMSG_DATA(h))->error;
        if (error != 0) die(what, -error);
        acks--;
      }
    }
  }
  return index;
}
