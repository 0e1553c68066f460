// Why an operation failed, in a form that a caller can act on and an operator can read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {

/// What kind of failure this is; callers decide on this value, never on a message.
enum class Errc {
  kNotFound,     ///< the object does not exist (ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL, ENXIO)
  kExists,       ///< an object of that name, index or key exists already (EEXIST)
  kBusy,         ///< in use by something else; a later try may succeed (EBUSY, EAGAIN)
  kDenied,       ///< missing privilege or a read-only file (EPERM, EACCES, EROFS)
  kInvalid,      ///< the request or the configuration is wrong (EINVAL, ERANGE)
  kUnsupported,  ///< this kernel or this version cannot do it (EOPNOTSUPP, ENOSYS)
  kExhausted,    ///< a limit is reached: pool, bridge ports, disk, memory (EXFULL, ENOSPC, ENOMEM)
  kInterrupted,  ///< a dump was interrupted by a change and must be repeated (NLM_F_DUMP_INTR)
  kTimeout,      ///< the deadline of the verb passed (DESIGN: CNI error 11)
  kOverrun,      ///< events were lost; whoever follows them must list again (ENOBUFS)
  kIo,           ///< reading or writing a file or socket failed for another reason
  kInternal,     ///< a broken invariant of ours
};

/// The kernel's own account of a refusal: errno and its extended acknowledgement.
struct KernelDetail {
  int err = 0;            ///< positive errno
  std::string message;    ///< NLMSGERR_ATTR_MSG, empty if the kernel gave none
  std::string attribute;  ///< path of the offending attribute, e.g. "IFLA_LINKINFO.IFLA_INFO_KIND"
};

/// One failure. `what` names operation, object and reason ("create veth vethx: EEXIST: ...").
struct Error {
  Errc code = Errc::kInternal;
  std::string what;
  std::string remedy{};                  ///< what the operator can do, empty if not known
  std::optional<KernelDetail> kernel{};  ///< set when a system call or the kernel refused
  int protocol_code = 0;           ///< the code that a protocol prescribes (CNI), 0: follows from `code`
  std::vector<Error> secondary{};  ///< failures of the undo or of other steps of a teardown

  /// This error with `context: ` in front of `what`: added once per layer.
  [[nodiscard]] Error with_context(const std::string& context) &&;
  /// This error with its remedy set, unless it has one already.
  [[nodiscard]] Error with_remedy(std::string text) &&;
  /// `what`, then the remedy in brackets, then the secondary errors; one line.
  [[nodiscard]] std::string to_string() const;
};

/// Name of an errno ("EEXIST"); "errno 4095" for one that is not known.
[[nodiscard]] std::string errno_name(int err);

/// Text of an errno ("File exists"), never null; "unknown error" for one that is not known. The kernel lets
/// numbers of its own through (524 of many drivers, 521 to 530 of NFS), for which libc has none.
[[nodiscard]] const char* errno_text(int err);

/// The class that a positive errno belongs to.
[[nodiscard]] Errc errc_of_errno(int err);

/// "OPERATION: EACCES: Permission denied", with the errno kept in `kernel`.
[[nodiscard]] Error error_from_errno(int err, const std::string& operation);

/// Joins several failures of one teardown into one error: the first, with the others as secondary. A remedy
/// that several of them have is told once, with the first of these. `errors` must not be empty.
[[nodiscard]] Error join_errors(std::vector<Error> errors);

}  // namespace fairlead
