#include "nl/inet_attrs.hpp"

namespace fairlead::nl {

const AttrTable& Address::table() {
  static constexpr AttrInfo kAttrs[] = {address, local, label, broadcast, cacheinfo, flags};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& RouteMetrics::table() {
  static constexpr AttrInfo kAttrs[] = {mtu, advmss};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& Route::table() {
  static constexpr AttrInfo kAttrs[] = {destination, link, gateway,  priority, source,
                                        metrics,     hops, table_id, via};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

}  // namespace fairlead::nl
