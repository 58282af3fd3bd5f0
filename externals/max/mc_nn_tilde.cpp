#include "max_api.h"
#include "object.h"

extern "C" C74_EXPORT void ext_main(void*) {
    timbrel::max::register_class("mc.nn~", timbrel::max::Kind::mc);
}
