#include "kernel/rtnl_namespace.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "kernel/address_codec.hpp"
#include "kernel/op_error.hpp"
#include "kernel/route_codec.hpp"
#include "sys/socket_cookie.hpp"

namespace fairlead::kernel {

namespace {

std::string text_of(const LinkTarget& target) {
  if (const auto* name = std::get_if<LinkName>(&target)) return name->str();
  return "with index " + std::to_string(std::get<LinkIndex>(target).value);
}

/// Each message of a dump through `read`, which yields a Result of an object or of an optional one.
template <class Object, class Read>
Result<std::vector<Object>> read_all(nl::ByteView dump, const Read& read) {
  std::vector<Object> objects;
  nl::MessageWalk walk(dump);
  while (const auto message = walk.next()) {
    FAIRLEAD_TRY(auto object, read(*message));
    if (object) objects.push_back(*std::move(object));
  }
  return objects;
}

Result<std::optional<LinkState>> read_listed_link(const nl::Message& message) {
  FAIRLEAD_TRY(auto state, read_link(message));
  return std::optional(std::move(state));
}

Result<std::vector<std::byte>> dump(nl::Client& client, nl::Batch& request, const std::string& operation) {
  auto reply = client.dump(request);
  if (!reply) return Unexpected(std::move(reply).error().with_context(operation));
  return reply;
}

bool kernel_said(const Error& error, int err) { return error.kernel && error.kernel->err == err; }

}  // namespace

Result<std::unique_ptr<nl::Transport>> RtnlNamespace::open_socket() const {
  std::unique_ptr<nl::Transport> transport;
  FAIRLEAD_CHECK(run([&]() -> Result<void> {
    FAIRLEAD_TRY(transport, opener_());
    return {};
  }));
  return transport;
}

Result<std::unique_ptr<nl::Transport>> RtnlNamespace::open_subscribed(int group) const {
  FAIRLEAD_TRY(auto transport, open_socket());
  if (setsockopt(transport->fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
    return Unexpected(error_from_errno(errno, "subscribe to rtnetlink group " + std::to_string(group)));
  }
  return transport;
}

Result<void> RtnlNamespace::run(const std::function<Result<void>()>& work) const {
  return netns_ != nullptr ? netns_->run(work) : work();
}

nl::Client::Trace RtnlNamespace::trace() const {
  if (!log_.enabled(LogLevel::kDebug)) return nullptr;
  return [log = log_, side = side_](const std::string& line) {
    log.debug("FL1101", std::string(to_string(side)) + " " + line);
  };
}

Result<nl::Client*> RtnlNamespace::client() {
  if (!client_) {
    FAIRLEAD_TRY(auto transport, open_socket());
    client_ = std::make_unique<nl::Client>(std::move(transport), trace());
  }
  return client_.get();
}

Result<std::uint64_t> RtnlNamespace::cookie() {
  FAIRLEAD_TRY(nl::Client* const rtnl, client());
  return sys::netns_cookie_of_socket(rtnl->transport().fd());
}

Result<std::optional<LinkState>> RtnlNamespace::find_link(const LinkTarget& target) {
  FAIRLEAD_TRY(nl::Client* const rtnl, client());
  nl::Batch batch;
  FAIRLEAD_CHECK(add_get(batch, target));
  auto reply = rtnl->get(batch);
  if (!reply)
    return Unexpected(std::move(reply).error().with_context("find link " + text_of(target) + where(side_)));
  if (!reply->has_value()) {
    if (const auto* name = std::get_if<LinkName>(&target)) names_.remember_absent(name->str());
    return std::optional<LinkState>();
  }
  nl::MessageWalk walk(**reply);
  const auto message = walk.next();
  if (!message) return Unexpected(nl::malformed_error("an empty answer"));
  FAIRLEAD_TRY(LinkState state, read_link(*message));
  names_.remember(state.name, state.index);
  // An alternative name finds a link too; it is as good as the first one for what follows.
  if (const auto* name = std::get_if<LinkName>(&target)) names_.remember(name->str(), state.index);
  return std::optional(std::move(state));
}

Result<std::vector<LinkState>> RtnlNamespace::links() {
  FAIRLEAD_TRY(nl::Client* const rtnl, client());
  nl::Batch batch;
  FAIRLEAD_CHECK(add_list_links(batch));
  FAIRLEAD_TRY(const auto bytes, dump(*rtnl, batch, "list links" + where(side_)));
  return read_all<LinkState>(bytes, read_listed_link);
}

Result<std::vector<AddressState>> RtnlNamespace::addresses(LinkIndex link) {
  FAIRLEAD_TRY(nl::Client* const rtnl, client());
  nl::Batch batch;
  FAIRLEAD_CHECK(add_list_addresses(batch, link));
  FAIRLEAD_TRY(const auto bytes,
               dump(*rtnl, batch, "list addresses of the link " + text_of(LinkTarget(link)) + where(side_)));
  FAIRLEAD_TRY(auto addresses, read_all<AddressState>(bytes, read_address));
  std::erase_if(addresses, [link](const AddressState& address) { return address.link != link; });
  return addresses;
}

Result<std::vector<RouteSpec>> RtnlNamespace::routes(const RouteFilter& filter) {
  FAIRLEAD_TRY(nl::Client* const rtnl, client());
  nl::Batch batch;
  FAIRLEAD_CHECK(add_list_routes(batch, filter));
  auto bytes = dump(*rtnl, batch, "list routes" + where(side_));
  // A routing table comes into being with its first route (fib_new_table).
  if (!bytes && kernel_said(bytes.error(), ENOENT)) return std::vector<RouteSpec>();
  if (!bytes) return Unexpected(std::move(bytes).error());
  FAIRLEAD_TRY(auto routes, read_all<RouteSpec>(*bytes, read_route));
  std::erase_if(routes, [&filter](const RouteSpec& route) { return !matches(filter, route); });
  return routes;
}

}  // namespace fairlead::kernel
