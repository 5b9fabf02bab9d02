#include "omr/io/sha256.h"

#include <memory>
#include <vector>

#include <openssl/evp.h>

#include "omr/core/error.h"

#include "io/input_file.h"

namespace omr::io {
namespace {

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) fail();
  }
  void update(const void* bytes, std::size_t size) {
    if (EVP_DigestUpdate(context_.get(), bytes, size) != 1) fail();
  }
  std::string hex() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_.get(), raw, &size) != 1) fail();
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (unsigned int i = 0; i < size; ++i) {
      out += kDigits[raw[i] >> 4];
      out += kDigits[raw[i] & 15];
    }
    return out;
  }

 private:
  [[noreturn]] static void fail() {
    throw Error(ErrorKind::resource, "libcrypto cannot compute SHA-256");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  InputFile file(path);
  Digest digest;
  std::vector<char> buffer(1 << 20);
  while (const std::size_t got = file.read(buffer.data(), buffer.size()))
    digest.update(buffer.data(), got);
  return digest.hex();
}

}  // namespace omr::io
