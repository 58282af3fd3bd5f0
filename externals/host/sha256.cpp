#include "sha256.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <fstream>
#include <vector>

namespace timbrel::host {
namespace {

using Hash = std::array<uint32_t, 8>;
constexpr size_t kBlock = 64;  // bytes

constexpr Hash kStart{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::array<uint32_t, 64> kRounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t big_endian(const unsigned char* bytes) {
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
           uint32_t{bytes[3]};
}

void digest_block(const unsigned char* block, Hash& hash) {
    std::array<uint32_t, 64> w;
    for (size_t i = 0; i < 16; ++i)
        w[i] = big_endian(block + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
        const uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = hash;
    for (size_t i = 0; i < 64; ++i) {
        const uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                             ((e & f) ^ (~e & g)) + kRounds[i] + w[i];
        const uint32_t two =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + one;
        d = c, c = b, b = a, a = one + two;
    }
    const Hash more{a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < hash.size(); ++i)
        hash[i] += more[i];
}

}  // namespace

std::string sha256_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
        return {};
    Hash hash = kStart;
    uint64_t length = 0;
    std::vector<unsigned char> chunk(kBlock << 12);
    size_t left = 0;
    while (stream) {
        stream.read(reinterpret_cast<char*>(chunk.data()),
                    static_cast<std::streamsize>(chunk.size()));
        const auto count = static_cast<size_t>(stream.gcount());
        length += count;
        // Only the last chunk is not full.
        for (left = count; left >= kBlock; left -= kBlock)
            digest_block(chunk.data() + (count - left), hash);
        if (left)
            std::copy_n(chunk.data() + (count - left), left, chunk.data());
    }
    if (stream.bad())
        return {};
    // A one, zeros, and the length in bits fill the last block, or two.
    chunk[left++] = 0x80;
    const size_t padded = left + 8 <= kBlock ? kBlock : 2 * kBlock;
    std::fill(chunk.begin() + static_cast<ptrdiff_t>(left),
              chunk.begin() + static_cast<ptrdiff_t>(padded), 0);
    for (size_t i = 0; i < 8; ++i)
        chunk[padded - 1 - i] = static_cast<unsigned char>(8 * length >> 8 * i);
    for (size_t i = 0; i < padded; i += kBlock)
        digest_block(chunk.data() + i, hash);
    std::string digits;
    for (const uint32_t word : hash) {
        for (int shift = 28; shift >= 0; shift -= 4)
            digits += "0123456789abcdef"[word >> shift & 15];
    }
    return digits;
}

}  // namespace timbrel::host
