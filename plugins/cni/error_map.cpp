#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

int code_of_class(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return kMissingObject;
    case Errc::kExists:
    case Errc::kBusy:
      return kBusyObject;
    case Errc::kDenied:
      return kPermissionDenied;
    case Errc::kInvalid:
      return kInvalidConfig;
    case Errc::kUnsupported:
      return kKernelUnsupported;
    case Errc::kExhausted:
      return kLimitReached;
    case Errc::kInterrupted:
    case Errc::kTimeout:
    case Errc::kOverrun:
      return kTryAgainLater;
    case Errc::kIo:
      return kIoFailure;
    case Errc::kInternal:
      return kInternalError;
  }
  return kInternalError;
}

Errc class_of_code(Code code) {
  switch (code) {
    case kMissingObject:
      return Errc::kNotFound;
    case kAlreadyAttached:
      return Errc::kExists;
    case kBusyObject:
    case kNotAvailable:
      return Errc::kBusy;
    case kPermissionDenied:
      return Errc::kDenied;
    case kKernelUnsupported:
      return Errc::kUnsupported;
    case kLimitReached:
      return Errc::kExhausted;
    case kTryAgainLater:
      return Errc::kTimeout;
    case kIoFailure:
      return Errc::kIo;
    case kInternalError:
    case kCheckFailed:
    case kDelegateFailed:
      return Errc::kInternal;
    case kIncompatibleVersion:
    case kUnsupportedField:
    case kInvalidEnvironment:
    case kDecodeFailure:
    case kInvalidConfig:
    case kInvalidNetns:
      return Errc::kInvalid;
  }
  return Errc::kInternal;
}

}  // namespace

int code_of(const Error& error) {
  return error.protocol_code != 0 ? error.protocol_code : code_of_class(error.code);
}

Unexpected fail(Code code, std::string what, std::string remedy) {
  return Unexpected(Error{.code = class_of_code(code),
                          .what = std::move(what),
                          .remedy = std::move(remedy),
                          .protocol_code = code});
}

}  // namespace fairlead::cni
