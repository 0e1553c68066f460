// What the running kernel's release says about it, where asking the kernel itself costs more.
#pragma once

#include <string_view>

namespace fairlead::sys {

/// Whether a release ("6.1.0-56-amd64") is major.minor or newer. One that is no release is not.
[[nodiscard]] bool release_at_least(std::string_view release, unsigned major, unsigned minor);

/// Whether RTM_NEWLINK with NLM_F_ECHO is answered with the new link: since Linux 6.2 (rtnl_newlink_create in
/// net/core/rtnetlink.c hands the request on to the notification). Older kernels ignore the flag. The answer
/// decides how a link's index is learnt, never whether: a kernel that has it backported is asked once too
/// often, and of one that lied about its age the index is asked for later.
[[nodiscard]] bool echoes_new_links();

}  // namespace fairlead::sys
