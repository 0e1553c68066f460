# The build id: what tells one build of the CNI executables from another. Two executables that carry the
# same one are built from the same sources with the same flags and compiler, so one may run the other's
# plugin in its own process.
#
# cmake -DLIST=<file of paths> -DSOURCE_DIR=<dir> -DSETTINGS=<file> -DOUTPUT=<file> -P BuildId.cmake
# writes the SHA-256 over settings, paths and contents as a C initialiser. The paths are relative, so that
# two build trees of one checkout agree.

file(STRINGS "${LIST}" paths)
file(SHA256 "${SETTINGS}" digest)
set(text "${digest}\n")
foreach(path IN LISTS paths)
  file(SHA256 "${SOURCE_DIR}/${path}" digest)
  string(APPEND text "${path} ${digest}\n")
endforeach()
string(SHA256 id "${text}")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${id}")
file(WRITE "${OUTPUT}" "${bytes}\n")
