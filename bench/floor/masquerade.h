/* The nftables side of one masqueraded attachment: two elements in tables that exist already. */
#pragma once

/* One transaction; exits with a message when it fails. The socket stays open: its close blocks after a
 * deletion. */
int masquerade_open(void);
void masquerade_add(int fd, const char* bridge, const char* address, const char* comment);
void masquerade_del(int fd, const char* bridge, const char* address);
