/* ADD: one veth pair whose peer is born in the container's namespace, six messages inside it. Three
 * sendmsg on the host's side, two on the container's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "link.h"
#include "netlink.h"

static void put_get_link(struct message* m, const char* name) {
  struct ifinfomsg* link = message_begin(m, RTM_GETLINK, NLM_F_ACK, sizeof *link);
  link->ifi_family = AF_UNSPEC;
  put_string(m, IFLA_IFNAME, name);
  message_end(m);
}

static void put_mac(struct message* m, const char* text) {
  unsigned byte[6];
  uint8_t mac[6];
  if (sscanf(text, "%x:%x:%x:%x:%x:%x", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5]) != 6)
    die("MAC", EINVAL);
  for (int i = 0; i < 6; i++) mac[i] = (uint8_t)byte[i];
  put(m, IFLA_ADDRESS, mac, sizeof mac);
}

static void put_one_queue(struct message* m) {
  put_u32(m, IFLA_NUM_TX_QUEUES, 1);
  put_u32(m, IFLA_NUM_RX_QUEUES, 1);
}

/* The host's end comes up with the creation; the peer cannot (veth_open() says ENOTCONN until both ends
 * know each other, drivers/net/veth.c). The alias is ignored at creation, so it is a second message. */
static void put_veth(struct message* m, const struct attachment* a, uint32_t bridge, int netns) {
  struct ifinfomsg* link = message_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof *link);
  link->ifi_flags = link->ifi_change = IFF_UP;
  put_string(m, IFLA_IFNAME, a->host_if);
  put_u32(m, IFLA_MTU, a->mtu);
  put_u32(m, IFLA_MASTER, bridge);
  put_one_queue(m);
  const size_t info = nest_begin(m, IFLA_LINKINFO);
  put_string(m, IFLA_INFO_KIND, "veth");
  const size_t data = nest_begin(m, IFLA_INFO_DATA);
  const size_t peer = nest_begin(m, VETH_INFO_PEER);
  reserve(m, sizeof *link); /* the peer's ifinfomsg stands bare at the start of the nest */
  put_string(m, IFLA_IFNAME, a->container_if);
  put_mac(m, a->mac);
  put_u32(m, IFLA_MTU, a->mtu);
  put_one_queue(m);
  put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns);
  nest_end(m, peer);
  nest_end(m, data);
  nest_end(m, info);
  message_end(m);

  message_begin(m, RTM_NEWLINK, NLM_F_ACK, sizeof *link);
  put_string(m, IFLA_IFNAME, a->host_if);
  put_string(m, IFLA_IFALIAS, a->alias);
  message_end(m);
}

/* The container's end announces its address, as the plugins do: neighbours that remember the previous owner
 * learn the new one. Setting the MAC (again) is what makes the kernel do it, and arp_notify allows it; the
 * kernel floods that broadcast to every port of the bridge. */
static void put_arp_notify(struct message* m, const char* name) {
  message_begin(m, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
  put_string(m, IFLA_IFNAME, name);
  const size_t families = nest_begin(m, IFLA_AF_SPEC);
  const size_t inet = nest_begin(m, AF_INET);
  const size_t conf = nest_begin(m, IFLA_INET_CONF);
  put_u32(m, IPV4_DEVCONF_ARP_NOTIFY, 1);
  nest_end(m, conf);
  nest_end(m, inet);
  nest_end(m, families);
  message_end(m);
}

static void put_up(struct message* m, const char* name) {
  struct ifinfomsg* link = message_begin(m, RTM_NEWLINK, NLM_F_ACK, sizeof *link);
  link->ifi_flags = link->ifi_change = IFF_UP;
  put_string(m, IFLA_IFNAME, name);
  message_end(m);
}

static void put_announcement(struct message* m, const struct attachment* a) {
  message_begin(m, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
  put_string(m, IFLA_IFNAME, a->container_if);
  put_mac(m, a->mac);
  message_end(m);
}

static struct in_addr parse_address(const char* text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) != 1) die(text, EINVAL);
  return address;
}

static void put_address(struct message* m, const struct attachment* a, uint32_t index) {
  struct ifaddrmsg* header =
      message_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof *header);
  header->ifa_family = AF_INET;
  header->ifa_prefixlen = a->prefix;
  header->ifa_index = index;
  const struct in_addr address = parse_address(a->address);
  const struct in_addr broadcast = {address.s_addr | htonl((uint32_t)(0xffffffffULL >> a->prefix))};
  put(m, IFA_LOCAL, &address, sizeof address);
  put(m, IFA_ADDRESS, &address, sizeof address);
  put(m, IFA_BROADCAST, &broadcast, sizeof broadcast);
  message_end(m);
}

static void put_default_route(struct message* m, const struct attachment* a, uint32_t index) {
  struct rtmsg* route = message_begin(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof *route);
  route->rtm_family = AF_INET;
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = RTPROT_BOOT;
  route->rtm_type = RTN_UNICAST;
  const struct in_addr gateway = parse_address(a->gateway);
  put(m, RTA_GATEWAY, &gateway, sizeof gateway);
  put_u32(m, RTA_OIF, index);
  message_end(m);
}

void attach_links(const struct attachment* a) {
  const int netns = open(a->netns, O_RDONLY | O_CLOEXEC);
  if (netns < 0) die(a->netns, errno);
  const int host = netlink_open(NETLINK_ROUTE);

  struct message lookup = {.used = 0};
  put_get_link(&lookup, a->bridge);
  netlink_send(host, &lookup);
  const uint32_t bridge = netlink_acks(host, lookup.requests, a->bridge);

  struct message create = {.used = 0};
  put_veth(&create, a, bridge, netns);
  netlink_send(host, &create);
  netlink_acks(host, create.requests, a->host_if);

  /* One process, one use: it may stay in the container's namespace. */
  if (setns(netns, CLONE_NEWNET) != 0) die("setns", errno);
  const int container = netlink_open(NETLINK_ROUTE);
  struct message prepare = {.used = 0};
  put_arp_notify(&prepare, a->container_if);
  put_up(&prepare, a->container_if);
  put_get_link(&prepare, a->container_if);
  netlink_send(container, &prepare);
  const uint32_t index = netlink_acks(container, prepare.requests, a->container_if);

  /* From Linux 6.8 on the question makes the kernel notice the carrier (linkwatch_sync_dev): the bridge does
   * not forward before, and what is announced then is lost. */
  struct message notice = {.used = 0};
  put_get_link(&notice, a->host_if);
  netlink_send(host, &notice);
  netlink_acks(host, notice.requests, a->host_if);

  struct message layer3 = {.used = 0};
  put_address(&layer3, a, index);
  put_announcement(&layer3, a);
  put_default_route(&layer3, a, index);
  netlink_send(container, &layer3);
  netlink_acks(container, layer3.requests, "address and route");
}
