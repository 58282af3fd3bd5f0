# What every package holds beside its host's objects: libtorch, in LIBRARIES, where the engine looks for
# it; models; licences. Included by a package's assemble.cmake, with SOURCE, PACKAGE, LIBRARIES,
# TORCH_LIBRARY_DIR and SAMPLERATE_LIBRARY.

# libtorch as links: copying it would double a gigabyte at every build. What only Python or torch's own
# tests need is left out.
file(GLOB torch_libraries "${TORCH_LIBRARY_DIR}/*.so*" "${TORCH_LIBRARY_DIR}/*.dylib*"
     "${TORCH_LIBRARY_DIR}/*.dll")
list(FILTER torch_libraries EXCLUDE REGEX "torch_python|torchbind_test|global_deps|shm|jitbackend|aoti_custom|backend_with")
file(REMOVE_RECURSE "${LIBRARIES}")
file(MAKE_DIRECTORY "${LIBRARIES}" "${PACKAGE}/models")
foreach(library IN LISTS torch_libraries)
    get_filename_component(name "${library}" NAME)
    file(CREATE_LINK "${library}" "${LIBRARIES}/${name}" SYMBOLIC COPY_ON_ERROR)
endforeach()

# libsamplerate, where it is shared, under the name that the engine asks for. It is small: a copy.
if(SAMPLERATE_LIBRARY MATCHES "\\.so")
    file(GLOB names "${SAMPLERATE_LIBRARY}.[0-9]")
    foreach(file IN LISTS names)
        get_filename_component(name "${file}" NAME)
        file(REAL_PATH "${file}" real)
        configure_file("${real}" "${LIBRARIES}/${name}" COPYONLY)
    endforeach()
endif()
file(COPY "${SOURCE}/cmake/LICENSE-libsamplerate" DESTINATION "${PACKAGE}")
# libtorch's own, and those of all that is inside of it, as its wheel brings them.
file(GLOB torch_licenses "${TORCH_LIBRARY_DIR}/../../torch-*.dist-info/licenses")
foreach(folder IN LISTS torch_licenses)
    file(COPY "${folder}/" DESTINATION "${PACKAGE}/licenses-libtorch")
endforeach()

file(GLOB models "${SOURCE}/models/*.ts")
foreach(file IN LISTS models)
    file(COPY "${file}" DESTINATION "${PACKAGE}/models")
endforeach()
