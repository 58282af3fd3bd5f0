# Completes the package around the built libraries. Run by the build:
#   cmake -DSOURCE=… -DPACKAGE=… -DVERSION=… -DTORCH_LIBRARY_DIR=… \
#         -DSAMPLERATE_LIBRARY=… -P assemble.cmake
set(LIBRARIES "${PACKAGE}/lib")
include("${SOURCE}/cmake/complete-package.cmake")
file(COPY "${SOURCE}/LICENSE" DESTINATION "${PACKAGE}")
configure_file("${SOURCE}/pd_package/timbrel-meta.pd.in" "${PACKAGE}/timbrel-meta.pd" @ONLY)
