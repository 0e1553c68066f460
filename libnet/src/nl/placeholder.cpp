// replaced by the netlink codec
