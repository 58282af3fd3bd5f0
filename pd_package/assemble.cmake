# Completes the package around the built libraries. Run by the build:
#   cmake -DSOURCE=… -DPACKAGE=… -DVERSION=… -DTORCH_LIBRARY_DIR=… \
#         -DSAMPLERATE_LIBRARY=… -P assemble.cmake

# libtorch as links: copying it would double a gigabyte at every build. What only Python or torch's own
# tests need is left out.
file(GLOB torch_libraries "${TORCH_LIBRARY_DIR}/*.so*" "${TORCH_LIBRARY_DIR}/*.dylib*"
     "${TORCH_LIBRARY_DIR}/*.dll")
list(FILTER torch_libraries EXCLUDE REGEX "torch_python|torchbind_test|shm|jitbackend|aoti_custom|backend_with")
file(REMOVE_RECURSE "${PACKAGE}/lib")
file(MAKE_DIRECTORY "${PACKAGE}/lib" "${PACKAGE}/models")
foreach(library IN LISTS torch_libraries)
    get_filename_component(name "${library}" NAME)
    file(CREATE_LINK "${library}" "${PACKAGE}/lib/${name}" SYMBOLIC COPY_ON_ERROR)
endforeach()

# libsamplerate, where it is shared, under the name that the engine asks for. It is small: a copy.
if(SAMPLERATE_LIBRARY MATCHES "\\.so")
    file(GLOB names "${SAMPLERATE_LIBRARY}.[0-9]")
    foreach(file IN LISTS names)
        get_filename_component(name "${file}" NAME)
        file(REAL_PATH "${file}" real)
        configure_file("${real}" "${PACKAGE}/lib/${name}" COPYONLY)
    endforeach()
endif()
file(COPY "${SOURCE}/pd_package/LICENSE-libsamplerate" DESTINATION "${PACKAGE}")

file(GLOB models "${SOURCE}/models/*.ts")
foreach(file IN LISTS models)
    file(COPY "${file}" DESTINATION "${PACKAGE}/models")
endforeach()

if(EXISTS "${SOURCE}/LICENSE")
    file(COPY "${SOURCE}/LICENSE" DESTINATION "${PACKAGE}")
endif()
configure_file("${SOURCE}/pd_package/timbrel-meta.pd.in" "${PACKAGE}/timbrel-meta.pd" @ONLY)
