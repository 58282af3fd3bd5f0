# The compiler of the preset `realtime`: whichever clang can check the audio thread.
execute_process(
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/../scripts/find-clang
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE missing)
if(missing)
    message(FATAL_ERROR "no clang with RealtimeSanitizer was found: install clang 20 or later and its "
                        "run-time library (Debian and Ubuntu: clang-N and libclang-rt-N-dev)")
endif()
set(CMAKE_CXX_COMPILER "${found}")
string(REPLACE "clang++" "clang" CMAKE_C_COMPILER "${found}")
