#include "Zip.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include <optional>
#include <zlib.h>

using namespace llvm;
using namespace winnow;
using support::endian::read16le;
using support::endian::read32le;
using support::endian::read64le;

namespace {
constexpr uint32_t localMagic = 0x04034b50, centralMagic = 0x02014b50;
constexpr uint32_t endMagic = 0x06054b50;
constexpr uint32_t end64Magic = 0x06064b50, locator64Magic = 0x07064b50;
constexpr size_t localBytes = 30, centralBytes = 46, endBytes = 22;
constexpr size_t end64Bytes = 56, locator64Bytes = 20;
constexpr uint32_t all32 = 0xffffffff;
constexpr uint16_t all16 = 0xffff;
constexpr uint16_t zip64ExtraID = 1;
constexpr uint16_t flagEncrypted = 1, flagUTF8 = 1 << 11;
} // namespace

static Error damaged(const Twine &what) {
  return createStringError("expected a whole zip archive, got one whose " +
                           what);
}

/// `bytes` bytes at `offset`, or nothing when the file ends before.
static std::optional<StringRef> view(StringRef file, uint64_t offset,
                                     uint64_t bytes) {
  if (offset > file.size() || bytes > file.size() - offset)
    return std::nullopt;
  return file.substr(offset, bytes);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
struct Directory {
  uint64_t offset, bytes, count;
};
} // namespace

/// The record at the end, followed to its 64-bit form where there is one.
static Expected<Directory> findDirectory(StringRef file) {
  size_t end = StringRef::npos;
  // A comment of up to 65535 bytes may follow the record.
  size_t first =
      file.size() > endBytes + all16 ? file.size() - endBytes - all16 : 0;
  for (size_t at = file.size(); at-- > first && end == StringRef::npos;)
    if (file.size() - at >= endBytes && read32le(file.data() + at) == endMagic)
      end = at;
  if (end == StringRef::npos)
    return createStringError("expected a zip archive, got another kind of file "
                             "or one that is cut off");
  const char *record = file.data() + end;
  Directory directory{read32le(record + 16), read32le(record + 12),
                      read16le(record + 10)};
  if (end < locator64Bytes ||
      read32le(record - locator64Bytes) != locator64Magic)
    return directory;
  auto record64 = view(file, read64le(record - locator64Bytes + 8), end64Bytes);
  if (!record64 || read32le(record64->data()) != end64Magic)
    return damaged("64-bit directory record is not where it should be");
  return Directory{read64le(record64->data() + 48),
                   read64le(record64->data() + 40),
                   read64le(record64->data() + 32)};
}

/// Replaces the fields that are all ones by those of the zip64 extra field,
/// which holds them in this order.
static Error readZip64Extra(StringRef extra, ZipMember &member) {
  uint64_t *fields[] = {&member.bytes, &member.packedBytes,
                        &member.headerOffset};
  if (none_of(fields, [](uint64_t *field) { return *field == all32; }))
    return Error::success();
  while (extra.size() >= 4) {
    uint16_t id = read16le(extra.data()), bytes = read16le(extra.data() + 2);
    extra = extra.drop_front(4);
    if (bytes > extra.size())
      break;
    if (id == zip64ExtraID) {
      StringRef values = extra.take_front(bytes);
      for (uint64_t *field : fields) {
        if (*field != all32)
          continue;
        if (values.size() < 8)
          return damaged("64-bit sizes are missing");
        *field = read64le(values.data());
        values = values.drop_front(8);
      }
      return Error::success();
    }
    extra = extra.drop_front(bytes);
  }
  return Error::success(); // Really this large: below 4 GiB by one byte.
}

Expected<std::vector<ZipMember>> winnow::readZipDirectory(StringRef file) {
  auto directory = findDirectory(file);
  if (!directory)
    return directory.takeError();
  auto entries = view(file, directory->offset, directory->bytes);
  if (!entries || directory->count > directory->bytes / centralBytes)
    return damaged("directory lies outside the file");
  std::vector<ZipMember> members;
  StringRef rest = *entries;
  for (uint64_t i = 0; i < directory->count; ++i) {
    if (rest.size() < centralBytes || read32le(rest.data()) != centralMagic)
      return damaged("directory entry " + Twine(i) + " is damaged");
    const char *entry = rest.data();
    size_t nameBytes = read16le(entry + 28), extraBytes = read16le(entry + 30);
    size_t entryBytes =
        centralBytes + nameBytes + extraBytes + read16le(entry + 32);
    if (entryBytes > rest.size())
      return damaged("directory entry " + Twine(i) + " is cut off");
    ZipMember member;
    member.name = rest.substr(centralBytes, nameBytes).str();
    member.method = read16le(entry + 10);
    member.crc = read32le(entry + 16);
    member.packedBytes = read32le(entry + 20);
    member.bytes = read32le(entry + 24);
    member.headerOffset = read32le(entry + 42);
    if (Error error = readZip64Extra(
            rest.substr(centralBytes + nameBytes, extraBytes), member))
      return std::move(error);
    if (read16le(entry + 8) & flagEncrypted)
      return createStringError("expected a plain zip member, got '" +
                               member.name + "', which is encrypted");
    members.push_back(std::move(member));
    rest = rest.drop_front(entryBytes);
  }
  return members;
}

static Error inflateInto(StringRef packed, std::vector<char> &out) {
  z_stream stream{};
  // Negative: raw deflate data without zlib's own header.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return createStringError("expected memory to inflate, got none");
  constexpr size_t step = 1 << 30; // zlib counts in 32 bits
  size_t read = 0, written = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_in =
        reinterpret_cast<Bytef *>(const_cast<char *>(packed.data() + read));
    stream.avail_in = std::min(step, packed.size() - read);
    stream.next_out = reinterpret_cast<Bytef *>(out.data() + written);
    stream.avail_out = std::min(step, out.size() - written);
    size_t in = stream.avail_in, room = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || written != out.size())
    return damaged("deflated data are damaged");
  return Error::success();
}

static uint32_t checksum(StringRef bytes, uint32_t crc = 0) {
  // zlib takes a null pointer, which an empty array may have, for a reset.
  if (bytes.empty())
    return crc;
  return crc32_z(crc, reinterpret_cast<const Bytef *>(bytes.data()),
                 bytes.size());
}

Expected<StringRef> winnow::extractZipMember(StringRef file,
                                             const ZipMember &member,
                                             std::vector<char> &storage) {
  auto header = view(file, member.headerOffset, localBytes);
  if (!header || read32le(header->data()) != localMagic)
    return damaged("member '" + member.name + "' is not where it should be");
  // The local name and extra field may be longer than the directory's.
  uint64_t offset = member.headerOffset + localBytes +
                    read16le(header->data() + 26) +
                    read16le(header->data() + 28);
  auto packed = view(file, offset, member.packedBytes);
  if (!packed)
    return damaged("member '" + member.name + "' is cut off");
  StringRef bytes = *packed;
  if (member.method == 8) {
    // Deflate cannot do better than 1032 to 1, so a size beyond that is a lie
    // and not worth the memory.
    if (member.bytes / 1040 > member.packedBytes)
      return damaged("member '" + member.name +
                     "' cannot be as large as it "
                     "says");
    storage.resize(member.bytes);
    if (Error error = inflateInto(*packed, storage))
      return std::move(error);
    bytes = StringRef(storage.data(), storage.size());
  } else if (member.method != 0) {
    return createStringError("expected zip member '" + member.name +
                             "' to be stored or deflated, got method " +
                             Twine(member.method) +
                             "; write it with numpy.savez");
  } else if (member.bytes != member.packedBytes) {
    return damaged("member '" + member.name + "' has two sizes");
  }
  if (checksum(bytes) != member.crc)
    return damaged("member '" + member.name + "' has a wrong checksum");
  return bytes;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {
/// Appends little-endian numbers.
struct Record {
  std::string text;
  template <typename T> Record &put(T value) {
    char bytes[sizeof(T)];
    support::endian::write<T, llvm::endianness::little>(bytes, value);
    text.append(bytes, sizeof(T));
    return *this;
  }
};
} // namespace

static uint32_t clamp32(uint64_t value) {
  return value >= all32 ? all32 : static_cast<uint32_t>(value);
}

/// The fields that local headers and directory entries share, from the version
/// that is needed to the length of the name.
static void putCommon(Record &record, const ZipMember &member) {
  constexpr uint16_t version = 45, firstOf1980 = 0x21;
  bool plain = all_of(member.name, [](char c) { return isASCII(c); });
  record.put<uint16_t>(version)
      .put<uint16_t>(plain ? 0 : flagUTF8)
      .put<uint16_t>(0) // stored
      .put<uint16_t>(0)
      .put<uint16_t>(firstOf1980)
      .put<uint32_t>(member.crc)
      .put<uint32_t>(clamp32(member.bytes))
      .put<uint32_t>(clamp32(member.bytes))
      .put<uint16_t>(member.name.size());
}

void ZipWriter::add(StringRef name, ArrayRef<StringRef> pieces) {
  ZipMember member;
  member.name = name.take_front(all16).str();
  member.headerOffset = position;
  for (StringRef piece : pieces) {
    member.crc = checksum(piece, member.crc);
    member.bytes += piece.size();
  }
  Record header, extra;
  if (member.bytes >= all32)
    extra.put<uint16_t>(zip64ExtraID)
        .put<uint16_t>(16)
        .put<uint64_t>(member.bytes)
        .put<uint64_t>(member.bytes);
  header.put<uint32_t>(localMagic);
  putCommon(header, member);
  header.put<uint16_t>(extra.text.size());
  os << header.text << member.name << extra.text;
  for (StringRef piece : pieces)
    os << piece;
  position += header.text.size() + member.name.size() + extra.text.size() +
              member.bytes;
  members.push_back(std::move(member));
}

void ZipWriter::finish() {
  uint64_t start = position;
  for (const ZipMember &member : members) {
    Record values, extra, entry;
    if (member.bytes >= all32)
      values.put<uint64_t>(member.bytes).put<uint64_t>(member.bytes);
    if (member.headerOffset >= all32)
      values.put<uint64_t>(member.headerOffset);
    if (!values.text.empty())
      extra.put<uint16_t>(zip64ExtraID).put<uint16_t>(values.text.size());
    extra.text += values.text;
    entry.put<uint32_t>(centralMagic).put<uint16_t>(45);
    putCommon(entry, member);
    entry.put<uint16_t>(extra.text.size())
        .put<uint16_t>(0) // comment
        .put<uint16_t>(0) // disk
        .put<uint16_t>(0)
        .put<uint32_t>(0)
        .put<uint32_t>(clamp32(member.headerOffset));
    os << entry.text << member.name << extra.text;
    position += entry.text.size() + member.name.size() + extra.text.size();
  }
  uint64_t bytes = position - start, count = members.size();
  Record end;
  if (start >= all32 || bytes >= all32 || count >= all16) {
    end.put<uint32_t>(end64Magic)
        .put<uint64_t>(end64Bytes - 12)
        .put<uint16_t>(45)
        .put<uint16_t>(45)
        .put<uint32_t>(0)
        .put<uint32_t>(0)
        .put<uint64_t>(count)
        .put<uint64_t>(count)
        .put<uint64_t>(bytes)
        .put<uint64_t>(start);
    end.put<uint32_t>(locator64Magic)
        .put<uint32_t>(0)
        .put<uint64_t>(position)
        .put<uint32_t>(1);
  }
  uint16_t shownCount = count >= all16 ? all16 : count;
  end.put<uint32_t>(endMagic)
      .put<uint16_t>(0)
      .put<uint16_t>(0)
      .put<uint16_t>(shownCount)
      .put<uint16_t>(shownCount)
      .put<uint32_t>(clamp32(bytes))
      .put<uint32_t>(clamp32(start))
      .put<uint16_t>(0);
  os << end.text;
}
