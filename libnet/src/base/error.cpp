#include "fairlead/error.hpp"

#include <cerrno>
#include <cstring>
#include <set>

#include "fairlead/result.hpp"

namespace fairlead {

Error Error::with_context(const std::string& context) && {
  what = context + ": " + what;
  return std::move(*this);
}

Error Error::with_remedy(std::string text) && {
  if (remedy.empty()) remedy = std::move(text);
  return std::move(*this);
}

std::string Error::to_string() const {
  std::string text = what;
  if (!remedy.empty()) text += " (" + remedy + ")";
  for (const Error& other : secondary) text += "; also: " + other.to_string();
  return text;
}

namespace {
/// ENOTSUPP of the kernel's own linux/errno.h: not meant for user space, where it arrives all the same.
constexpr int kKernelNotSupported = 524;
}  // namespace

std::string errno_name(int err) {
  if (err == kKernelNotSupported) return "ENOTSUPP";
  const char* name = strerrorname_np(err);
  return name != nullptr ? name : "errno " + std::to_string(err);
}

const char* errno_text(int err) {
  if (err == kKernelNotSupported) return "Operation not supported";
  const char* text = strerrordesc_np(err);
  return text != nullptr ? text : "unknown error";
}

Errc errc_of_errno(int err) {
  switch (err) {
    case ENOENT:
    case ENODEV:
    case ESRCH:
    case EADDRNOTAVAIL:
    case ENXIO:
      return Errc::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
    case ENOTUNIQ:
      return Errc::kExists;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
    case EADDRINUSE:
      return Errc::kBusy;
    case EPERM:
    case EACCES:
    case EROFS:
      return Errc::kDenied;
    case EINVAL:
    case ERANGE:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return Errc::kInvalid;
    case EOPNOTSUPP:
    case ENOSYS:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case kKernelNotSupported:
      return Errc::kUnsupported;
    case EXFULL:
    case ENOSPC:
    case ENOMEM:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return Errc::kExhausted;
    case EINTR:
      return Errc::kInterrupted;
    case ETIMEDOUT:
    case ETIME:
      return Errc::kTimeout;
    case ENOBUFS:
      return Errc::kOverrun;
    default:
      return Errc::kIo;
  }
}

Error error_from_errno(int err, const std::string& operation) {
  return Error{.code = errc_of_errno(err),
               .what = operation + ": " + errno_name(err) + ": " + errno_text(err),
               .kernel = KernelDetail{.err = err, .message = {}, .attribute = {}}};
}

namespace {
/// Drops every remedy that stands in front of it already, in the order in which to_string() tells them.
void tell_each_remedy_once(Error& error, std::set<std::string>& told) {
  if (!error.remedy.empty() && !told.insert(error.remedy).second) error.remedy.clear();
  for (Error& other : error.secondary) tell_each_remedy_once(other, told);
}
}  // namespace

Error join_errors(std::vector<Error> errors) {
  Error first = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i) first.secondary.push_back(std::move(errors[i]));
  std::set<std::string> told;
  tell_each_remedy_once(first, told);
  return first;
}

// Out of line: what belongs to errors is cold code and stands in the executable once.

ErrorBox::ErrorBox(Error&& error) : error_(new Error(std::move(error))) {}
ErrorBox::ErrorBox(const ErrorBox& other) : error_(new Error(*other)) {}
void ErrorBox::destroy() noexcept { delete error_; }

Unexpected::Unexpected(Error error) : box_(std::move(error)) {}
Unexpected::Unexpected(Errc code, std::string what) : box_(Error{.code = code, .what = std::move(what)}) {}
Unexpected::Unexpected(Errc code, std::string what, std::string remedy)
    : box_(Error{.code = code, .what = std::move(what), .remedy = std::move(remedy)}) {}

}  // namespace fairlead
