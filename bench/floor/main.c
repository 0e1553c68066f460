/* floor: the least that attaching a container to a bridge, and detaching it, costs on this kernel.
 *
 * A bare static C program that sends the messages that a bridge plugin has to send, as fast as we know how,
 * and does nothing else: no configuration, no address management, no state of its own, no undo. What a
 * plugin costs is measured as a multiple of it, in the same run on the same machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link.h"
#include "masquerade.h"
#include "netlink.h"

static int usage(void) {
  static const char text[] =
      "usage: floor add|add-masq NETNS HOST_IF BRIDGE MAC MTU ADDRESS PREFIX GATEWAY ALIAS CONTAINER_IF\n"
      "       floor del HOST_IF\n"
      "       floor del-masq HOST_IF BRIDGE ADDRESS\n";
  return write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 1 : 2;
}

static unsigned long number(const char* text, unsigned long max) {
  char* end = NULL;
  const unsigned long value = strtoul(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value > max) die(text, EINVAL);
  return value;
}

static int add(char** argument, int masquerade) {
  const struct attachment a = {
      .netns = argument[0],
      .host_if = argument[1],
      .bridge = argument[2],
      .mac = argument[3],
      .mtu = (uint32_t)number(argument[4], 65535),
      .address = argument[5],
      .prefix = (uint8_t)number(argument[6], 31),
      .gateway = argument[7],
      .alias = argument[8],
      .container_if = argument[9],
  };
  /* attach_links() leaves the process in the container's namespace: the host's socket comes first. */
  const int nft = masquerade ? masquerade_open() : -1;
  attach_links(&a);
  if (masquerade) masquerade_add(nft, a.bridge, a.address, a.alias);
  return 0;
}

static int del(char** argument, int masquerade) {
  const int nft = masquerade ? masquerade_open() : -1;
  const int events = detach_links(argument[0], nft);
  if (masquerade) masquerade_del(nft, argument[1], argument[2]);
  links_gone(events, argument[0]);
  return 0;
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  int code = 2;
  if (strcmp(verb, "add") == 0 && argc == 12) {
    code = add(argv + 2, 0);
  } else if (strcmp(verb, "add-masq") == 0 && argc == 12) {
    code = add(argv + 2, 1);
  } else if (strcmp(verb, "del") == 0 && argc == 3) {
    code = del(argv + 2, 0);
  } else if (strcmp(verb, "del-masq") == 0 && argc == 5) {
    code = del(argv + 2, 1);
  } else {
    code = usage();
  }
  _exit(code);
}
