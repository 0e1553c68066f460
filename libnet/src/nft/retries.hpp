// Which failures of a transaction are lost races, that a look at what is there now may win.
#pragma once

#include <cerrno>

namespace fairlead::nft {

/// How often a transaction that lost a race is decided anew. Each failure costs 12 to 15 ms, except that
/// EINTR and ERESTART come before anything was built.
class Retries {
 public:
  bool allow(int err) {
    switch (err) {
      case EEXIST:
        return exists_-- > 0;
      case ENOENT:
        return missing_-- > 0;
      case EINTR:
      case ERESTART:
        return interrupted_-- > 0;
      default:
        return false;
    }
  }

 private:
  int exists_ = 3;
  int missing_ = 1;
  int interrupted_ = 16;
};

}  // namespace fairlead::nft
