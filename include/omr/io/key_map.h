// Renames from older or foreign checkpoints to the names that diffusers and transformers use today.
// Everything else in omr knows the present names only.
#pragma once

#include <string>

namespace omr::io {

// diffusers before 0.18 named the VAE's attention query, key, value, proj_attn.
std::string current_vae_key(const std::string& key);

}  // namespace omr::io
