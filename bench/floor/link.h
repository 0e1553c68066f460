/* The links of one attachment: what a bridge plugin has to tell rtnetlink, and nothing more. */
#pragma once

#include <stdint.h>

struct attachment {
  const char* netns;   /* path of the container's namespace */
  const char* host_if; /* name of the host's end */
  const char* bridge;
  const char* mac; /* of the container's end, 02:...; the host's end gets one from the kernel */
  uint32_t mtu;
  const char* address; /* IPv4 address of the container */
  uint8_t prefix;
  const char* gateway; /* IPv4 default gateway */
  const char* alias;   /* IFLA_IFALIAS of the host's end and comment of nft elements */
  const char* container_if;
};

void attach_links(const struct attachment* a);

/* Starts the deletion of the host's end in a detached child, which also keeps `hold_fd` (or -1) open for
 * 60 ms. Returns a socket on which links_gone() waits. */
int detach_links(const char* host_if, int hold_fd);
void links_gone(int fd, const char* host_if);
