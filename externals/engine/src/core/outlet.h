// One outlet of a stream, whatever is played there: what is cut off does not click.
#pragma once

#include "concealer.h"
#include "timbrel/engine.h"

namespace timbrel {

class Outlet {
  public:
    // What sounds now fades over what follows; latents simply end.
    void cut(bool audio) noexcept TIMBREL_NONBLOCKING {
        tail_from_ = audio ? last_ : 0.0F;
        tail_ = 0;
    }

    // Keeps the value of now for as long as a latent is not to move.
    void hold() noexcept TIMBREL_NONBLOCKING { held_ = last_; }
    float held() const noexcept TIMBREL_NONBLOCKING { return held_; }

    // `out` may be null: the outlet is not connected, but time goes on.
    template <typename Sample>
    void play(const float* in, Sample* out, int frames) noexcept TIMBREL_NONBLOCKING {
        int i = 0;
        for (; i < frames && tail_ < Concealer::kFade; ++i) {
            last_ = in[i] + tail_from_ * (1.0F - Concealer::ramp(tail_++));
            if (out)
                out[i] = static_cast<Sample>(last_);
        }
        if (i == frames)
            return;
        last_ = in[frames - 1];
        if (!out)
            return;
        for (; i < frames; ++i)
            out[i] = static_cast<Sample>(in[i]);
    }

  private:
    float last_ = 0;  // what was played last
    float held_ = 0;
    int tail_ = Concealer::kFade;
    float tail_from_ = 0;
};

}  // namespace timbrel
