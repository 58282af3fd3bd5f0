#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include <cstdio>
#include <cstdlib>

int main(int count, char** arguments) {
    const int result = doctest::Context(count, arguments).run();
    // Models that never return are still inside libtorch, whose static objects they would miss.
#if defined(__SANITIZE_ADDRESS__)
    __lsan_do_leak_check();
#endif
    std::fflush(nullptr);
    std::_Exit(result);
}
