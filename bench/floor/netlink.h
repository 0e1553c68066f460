/* A netlink request under construction, and a socket that sends several of them and collects the acks. */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

enum { kMessageBytes = 4096 };

struct message {
  _Alignas(NLMSG_ALIGNTO) uint8_t data[kMessageBytes];
  size_t used;   /* bytes of all requests so far */
  size_t header; /* offset of the request being built */
  uint32_t requests;
};

/* Starts a request after the ones already there; `size` bytes of family header follow and are returned
 * zeroed. */
void* message_begin(struct message* m, uint16_t type, uint16_t flags, size_t size);
void message_end(struct message* m);
/* Room for `size` zeroed bytes, padded to four. */
void* reserve(struct message* m, size_t size);
void put(struct message* m, uint16_t type, const void* value, size_t size);
void put_u32(struct message* m, uint16_t type, uint32_t value);
void put_be32(struct message* m, uint16_t type, uint32_t value);
void put_string(struct message* m, uint16_t type, const char* text);
size_t nest_begin(struct message* m, uint16_t type);
void nest_end(struct message* m, size_t nest);

int netlink_open(int protocol);
/* Sends everything in one sendmsg. Exits with a message on failure. */
void netlink_send(int fd, const struct message* m);
/* Reads until `acks` acknowledgements have come; exits at the first that is an error. Returns the
 * ifi_index of the last RTM_NEWLINK answer among them, 0 if there was none. */
uint32_t netlink_acks(int fd, uint32_t acks, const char* what);

/* Prints `what` and errno and exits with 1. */
_Noreturn void die(const char* what, int error);
