// Namespaces, sysctls, the deadline and the child that deletes, on the running kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "fairlead/deadline.hpp"
#include "nl/transport.hpp"
#include "sys/async_delete.hpp"
#include "sys/socket_cookie.hpp"
#include "sys/sysctl.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/seccomp.hpp"

namespace fairlead::test {
namespace {

using ::testing::HasSubstr;

class SysTest : public NetnsTest {};

TEST_F(SysTest, OpensNothingButNetworkNamespaces) {
  const auto missing = Netns::open("/run/netns/missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_THAT(missing.error().remedy, HasSubstr("the container is gone"));

  const auto file = Netns::open("/proc/self/status");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::kInvalid);
  EXPECT_THAT(file.error().what, HasSubstr("is not a namespace"));

  const auto mount_namespace = Netns::open("/proc/self/ns/mnt");
  ASSERT_FALSE(mount_namespace);
  EXPECT_EQ(mount_namespace.error().code, Errc::kInvalid);
  EXPECT_THAT(mount_namespace.error().what, HasSubstr("another type"));

  ASSERT_EQ(mkfifo("/run/fifo", 0600), 0);
  EXPECT_FALSE(Netns::open("/run/fifo"));  // and does not wait for a writer
  unlink("/run/fifo");
}

TEST_F(SysTest, TellsNamespacesApart) {
  const auto current = Netns::current();
  ASSERT_TRUE(current) << current.error().to_string();
  EXPECT_EQ(*current->cookie(), *Netns::current()->cookie());
  EXPECT_NE(*current->cookie(), *container().cookie());
}

TEST_F(SysTest, WorksInsideANamespaceAndNeverLeavesItsOwn) {
  const std::uint64_t before = *Netns::current()->cookie();
  std::uint64_t inside = 0;
  const auto worked = container().run([&]() -> Result<void> {
    FAIRLEAD_TRY(const auto transport, nl::open_rtnetlink());
    FAIRLEAD_TRY(inside, sys::netns_cookie_of_socket(transport->fd()));
    return Unexpected(Errc::kBusy, "an error of the work");
  });
  ASSERT_FALSE(worked);
  EXPECT_EQ(worked.error().what, "an error of the work");
  EXPECT_EQ(inside, *container().cookie());
  EXPECT_EQ(*Netns::current()->cookie(), before);
}

TEST_F(SysTest, RtnetlinkSocketsHaveTheirOptions) {
  const auto transport = nl::open_rtnetlink();
  ASSERT_TRUE(transport) << transport.error().to_string();
  EXPECT_NE((*transport)->port(), 0U);
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    int on = 0;
    socklen_t size = sizeof(on);
    ASSERT_EQ(getsockopt((*transport)->fd(), SOL_NETLINK, option, &on, &size), 0);
    EXPECT_EQ(on, 1) << option;
  }
  EXPECT_EQ(fcntl((*transport)->fd(), F_GETFD), FD_CLOEXEC);
}

// Sysctls ------------------------------------------------------------------------------------------------

constexpr const char* kForward = "net/ipv4/ip_forward";

TEST_F(SysTest, WritesASysctlOnlyIfItDiffers) {
  ASSERT_TRUE(sys::write_sysctl(kForward, "1"));
  EXPECT_EQ(**sys::read_sysctl(kForward), "1");
  ASSERT_EQ(mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0)
      << std::strerror(errno);
  EXPECT_TRUE(sys::write_sysctl(kForward, "1"));
  EXPECT_TRUE(sys::write_sysctl(kForward, " 1\n"));
  const auto refused = sys::write_sysctl(kForward, "0");
  umount2("/proc/sys", MNT_DETACH);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kDenied);
  EXPECT_THAT(refused.error().remedy, HasSubstr("it is '1'"));
}

TEST_F(SysTest, SysctlKeysStayBelowProcSys) {
  for (const char* key : {"../sysrq-trigger", "net/../../sysrq-trigger", "/net/ipv4/ip_forward", "", "net//x",
                          "net.ipv4.ip_forward"}) {
    EXPECT_FALSE(sys::read_sysctl(key)) << key;
    EXPECT_FALSE(sys::write_sysctl(key, "1")) << key;
  }
  EXPECT_EQ(sys::read_sysctl("net/ipv4/no_such_thing")->has_value(), false);
}

// The deadline -------------------------------------------------------------------------------------------

TEST_F(SysTest, ADeadlineInterruptsABlockingReceive) {
  const auto transport = nl::open_rtnetlink();
  ASSERT_TRUE(transport);
  std::vector<std::byte> buffer(nl::kReceiveBuffer);
  const auto deadline = Deadline::after(std::chrono::milliseconds(5));
  ASSERT_TRUE(deadline.arm());
  const auto received = (*transport)->receive(buffer);
  EXPECT_TRUE(deadline.expired());
  EXPECT_TRUE(Deadline::passed());
  Deadline::disarm();
  EXPECT_FALSE(Deadline::passed());
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Errc::kTimeout);
}

TEST_F(SysTest, NoDeadlineNeverExpires) {
  const Deadline none;
  EXPECT_FALSE(none.expired());
  EXPECT_EQ(none.left(), std::chrono::milliseconds::max());
  EXPECT_TRUE(Deadline::after(std::chrono::milliseconds(0)).expired());
  EXPECT_FALSE(Deadline::after(std::chrono::hours(1)).expired());
}

// The deleting child -------------------------------------------------------------------------------------

/// Far longer than a test takes to look at what the child holds, on a loaded machine too.
constexpr std::chrono::milliseconds kLongHold{3000};

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);  // without CLOEXEC, as a caller's may be
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

TEST_F(SysTest, TheChildSharesNothingWithItsCaller) {
  Pipe held;
  Pipe stranger;
  const std::array<int, 1> hold{held.write_end.get()};
  auto status = sys::start_async_delete({.hold = hold, .hold_time = kLongHold});
  ASSERT_TRUE(status) << status.error().to_string();
  char byte = 0;
  // A reader of the caller's output sees its end although the child lives...
  stranger.write_end.reset();
  EXPECT_EQ(read(stranger.read_end.get(), &byte, 1), 0);
  // ...and holds what it is to hold, for a while.
  held.write_end.reset();
  ASSERT_EQ(fcntl(held.read_end.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(read(held.read_end.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(read(status->get(), &byte, 1), 0);  // the end of the child
  // Not at the same instant: a dying process releases its files one after the other (exit_task_work).
  ASSERT_EQ(fcntl(held.read_end.get(), F_SETFL, 0), 0);
  EXPECT_EQ(read(held.read_end.get(), &byte, 1), 0);
}

TEST_F(SysTest, TheChildClosesOneByOneWhereSeccompRefusesCloseRange) {
  const bool detached = in_a_process_without(SYS_close_range, EPERM, [] {
    Pipe held;
    Pipe stranger;
    const std::array<int, 1> hold{held.write_end.get()};
    auto status = sys::start_async_delete({.hold = hold, .hold_time = kLongHold});
    if (!status) return false;
    stranger.write_end.reset();
    char byte = 0;
    const bool stranger_ended = read(stranger.read_end.get(), &byte, 1) == 0;
    held.write_end.reset();
    fcntl(held.read_end.get(), F_SETFL, O_NONBLOCK);
    return stranger_ended && read(held.read_end.get(), &byte, 1) == -1 && errno == EAGAIN;
  });
  EXPECT_TRUE(detached);
}

TEST_F(SysTest, TheChildIsNobodysZombie) {
  const std::array<int, 0> hold{};
  auto status = sys::start_async_delete({.hold = hold});
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(SysTest, TheChildReportsAnErrnoOfTheSend) {
  UniqueFd no_netlink(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));  // takes no netlink address
  const std::array<std::byte, 16> request{};
  auto status = sys::start_async_delete({.rtnetlink_fd = no_netlink.get(), .request = request});
  ASSERT_TRUE(status) << status.error().to_string();
  int err = 0;
  ASSERT_EQ(read(status->get(), &err, sizeof(err)), static_cast<ssize_t>(sizeof(err)));
  EXPECT_EQ(err, EINVAL);
}

TEST_F(SysTest, TheChildLeavesTheSignalMaskOfItsCallerAlone) {
  sigset_t before;
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  ASSERT_TRUE(sys::start_async_delete({}));
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < NSIG; ++signal)
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
}

}  // namespace
}  // namespace fairlead::test
