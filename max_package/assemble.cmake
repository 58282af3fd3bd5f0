# Completes the package around the built libraries. Run by the build:
#   cmake -DSOURCE=… -DPACKAGE=… -DTORCH_LIBRARY_DIR=… -DSAMPLERATE_LIBRARY=… -P assemble.cmake
set(LIBRARIES "${PACKAGE}/support/lib")
include("${SOURCE}/cmake/complete-package.cmake")
configure_file("${SOURCE}/LICENSE" "${PACKAGE}/License.md" COPYONLY)
