#include "model_errands.h"

#include <stdexcept>

#include "host/model_store.h"
#include "package.h"

namespace timbrel::max {
namespace {

host::Tidings carry_out(const host::ModelStore& store, const std::string& what,
                        const std::string& name, const std::string& as) {
    if (what == "available")
        return {"available", store.available()};
    if (what == "download")
        return {"downloaded", {store.download(name, as).filename().string()}};
    store.remove(name);
    return {"deleted", {name}};
}

}  // namespace

void run_model_errand(host::Errands& errands, const std::string& what, const host::Values& values) {
    const size_t most = what == "download" ? 2 : what == "delete" ? 1 : 0;
    if (values.size() > most || (most > 0 && values.empty()))
        throw std::runtime_error("usage: " + what + (most == 2 ? " NAME [AS]" : " NAME"));
    const std::string name = values.empty() ? "" : host::text_of(values[0]);
    const std::string as = values.size() < 2 ? "" : host::text_of(values[1]);
    errands.run([store = host::ModelStore(package_folder() / "models"), what, name, as] {
        return carry_out(store, what, name, as);
    });
}

}  // namespace timbrel::max
