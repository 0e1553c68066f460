#include "masquerade.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netlink.h"

/* The names of bench/attach/masquerade.nft. */
static const char kTable[] = "floor";
static const char kInside[] = "inside4"; /* iifname . ip saddr: what is to be masqueraded */
static const char kExempt[] = "exempt4"; /* ip saddr . oifname: what stays as it is */

enum { kCommentMax = 127 };

static void put_batch_edge(struct message* m, uint16_t type) {
  struct nfgenmsg* header = message_begin(m, type, 0, sizeof *header);
  header->nfgen_family = AF_UNSPEC;
  header->version = NFNETLINK_V0;
  header->res_id = htons(NFNL_SUBSYS_NFTABLES);
  message_end(m);
}

/* User data of an element: type 0 (comment), length, text with its NUL. nft(8) shows it. */
static void put_comment(struct message* m, const char* text) {
  unsigned char tlv[2 + kCommentMax + 1] = {0};
  size_t size = strlen(text);
  if (size > kCommentMax) size = kCommentMax;
  memcpy(tlv + 2, text, size);
  tlv[1] = (unsigned char)(size + 1);
  put(m, NFTA_SET_ELEM_USERDATA, tlv, 2 + size + 1);
}

static void put_element(struct message* m, int type, uint16_t flags, const char* set,
                        const unsigned char* key, size_t size, const char* comment) {
  struct nfgenmsg* header =
      message_begin(m, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type), flags, sizeof *header);
  header->nfgen_family = NFPROTO_INET;
  header->version = NFNETLINK_V0;
  put_string(m, NFTA_SET_ELEM_LIST_TABLE, kTable);
  put_string(m, NFTA_SET_ELEM_LIST_SET, set);
  const size_t list = nest_begin(m, NFTA_SET_ELEM_LIST_ELEMENTS);
  const size_t element = nest_begin(m, NFTA_LIST_ELEM);
  const size_t data = nest_begin(m, NFTA_SET_ELEM_KEY);
  put(m, NFTA_DATA_VALUE, key, size);
  nest_end(m, data);
  if (comment != NULL) put_comment(m, comment);
  nest_end(m, element);
  nest_end(m, list);
  message_end(m);
}

/* The acknowledgement is asked of the last element only: the kernel answers after the commit and reports
 * the failure of any message unasked. */
static void transaction(int fd, int type, uint16_t flags, const char* bridge, const char* address,
                        const char* comment) {
  struct in_addr ip;
  unsigned char inside[IFNAMSIZ + sizeof ip] = {0};
  unsigned char exempt[sizeof ip + IFNAMSIZ] = {0};
  if (inet_pton(AF_INET, address, &ip) != 1) die(address, EINVAL);
  memcpy(inside, bridge, strnlen(bridge, IFNAMSIZ - 1));
  memcpy(inside + IFNAMSIZ, &ip, sizeof ip);
  memcpy(exempt, &ip, sizeof ip);
  memcpy(exempt + sizeof ip, bridge, strnlen(bridge, IFNAMSIZ - 1));

  struct message m = {.used = 0};
  put_batch_edge(&m, NFNL_MSG_BATCH_BEGIN);
  put_element(&m, type, flags, kInside, inside, sizeof inside, comment);
  put_element(&m, type, (uint16_t)(flags | NLM_F_ACK), kExempt, exempt, sizeof exempt, comment);
  put_batch_edge(&m, NFNL_MSG_BATCH_END);
  netlink_send(fd, &m);
  netlink_acks(fd, 1, "nft transaction");
}

int masquerade_open(void) { return netlink_open(NETLINK_NETFILTER); }

void masquerade_add(int fd, const char* bridge, const char* address, const char* comment) {
  transaction(fd, NFT_MSG_NEWSETELEM, NLM_F_CREATE, bridge, address, comment);
}

void masquerade_del(int fd, const char* bridge, const char* address) {
  transaction(fd, NFT_MSG_DELSETELEM, 0, bridge, address, NULL);
}
