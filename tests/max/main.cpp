#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "patch.h"

int main(int count, char** arguments) {
    maxhost::Host::get().begin();
    maxhost::open_externals();
    return doctest::Context(count, arguments).run();
}
