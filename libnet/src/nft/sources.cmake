# list(APPEND FAIRLEAD_NET_SOURCES src/nft/...)
