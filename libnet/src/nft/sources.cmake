list(APPEND FAIRLEAD_NET_SOURCES
  src/nft/decide.cpp
  src/nft/encode.cpp
  src/nft/encode_rule.cpp
  src/nft/malformed.cpp
  src/nft/nft_channel.cpp
  src/nft/progress.cpp
  src/nft/reply.cpp
  src/nft/socket.cpp
  src/nft/text.cpp
  src/nft/values.cpp)
