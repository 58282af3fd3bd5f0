// Throwaway instances, run to find out what a model does before anybody hears it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model.h"

namespace timbrel {

// Called on threads that may outlive the caller: it owns what it needs.
using MakeModel = std::function<std::unique_ptr<Model>()>;

// Runs silence through a method until its first calls, which are slow, are over, and returns the
// seconds that the last took. Throws what the model throws, or NeverReturned (apart.h).
double warm_up(const MakeModel& make, const Method& method, int batch, int frames);

// Whether encode and decode do what forward does. Failures of the model are a reason, and not
// thrown.
LatentPath find_latent_path(const MakeModel& make, const Description& description);

}  // namespace timbrel
