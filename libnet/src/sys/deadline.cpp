#include "fairlead/deadline.hpp"

#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace fairlead {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A signal handler can only reach a global. It is written by the handler and by disarm(), nothing else.
volatile sig_atomic_t g_passed = 0;
int g_pauses = 0;

void on_alarm(int /*signal*/) { g_passed = 1; }

}  // namespace

Deadline Deadline::after(milliseconds span) { return Deadline(std::chrono::steady_clock::now() + span); }

milliseconds Deadline::left() const {
  if (when_ == std::chrono::steady_clock::time_point::max()) return milliseconds::max();
  const auto now = std::chrono::steady_clock::now();
  // Rounded up: a deadline with something left must not look expired.
  return now >= when_ ? milliseconds::zero() : std::chrono::ceil<milliseconds>(when_ - now);
}

Result<void> Deadline::arm() const {
  if (left() == milliseconds::max()) return {};
  struct sigaction action {};
  action.sa_handler = on_alarm;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGALRM, &action, nullptr) != 0) {
    return Unexpected(error_from_errno(errno, "install the handler of the deadline"));
  }
  // A runtime may have started us with the signal blocked; masks survive execve.
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  // A zero it_value would switch the timer off instead of firing at once.
  const auto first = std::max<microseconds>(left(), microseconds(1));
  const itimerval timer{
      .it_interval = {.tv_sec = 0, .tv_usec = 20'000},
      .it_value = {.tv_sec = first.count() / 1'000'000, .tv_usec = first.count() % 1'000'000}};
  if (setitimer(ITIMER_REAL, &timer, nullptr) != 0) {
    return Unexpected(error_from_errno(errno, "start the timer of the deadline"));
  }
  return {};
}

void Deadline::disarm() {
  const itimerval off{};
  setitimer(ITIMER_REAL, &off, nullptr);
  g_passed = 0;
}

bool Deadline::passed() { return g_passed != 0 && g_pauses == 0; }

Result<void> Deadline::check(const std::string& operation) {
  if (passed()) return Unexpected(Errc::kTimeout, operation + ": the deadline has passed");
  return {};
}

Deadline::Pause::Pause() { ++g_pauses; }
Deadline::Pause::~Pause() { --g_pauses; }

}  // namespace fairlead
