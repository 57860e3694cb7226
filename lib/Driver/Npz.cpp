#include "winnow/Driver/Npz.h"
#include "Zip.h"
#include "winnow/Support/OutputFile.h"
#include "winnow/runtime.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

namespace {
struct TypeName {
  int32_t dtype;
  StringLiteral descr;
};
// numpy has no bfloat16 and nothing smaller: ml_dtypes writes them as opaque
// bytes, which do not say what they are.
constexpr TypeName typeNames[] = {
    {WINNOW_DTYPE_F32, "<f4"},  {WINNOW_DTYPE_F64, "<f8"},
    {WINNOW_DTYPE_F16, "<f2"},  {WINNOW_DTYPE_I8, "|i1"},
    {WINNOW_DTYPE_I16, "<i2"},  {WINNOW_DTYPE_I32, "<i4"},
    {WINNOW_DTYPE_I64, "<i8"},  {WINNOW_DTYPE_U8, "|u1"},
    {WINNOW_DTYPE_U16, "<u2"},  {WINNOW_DTYPE_U32, "<u4"},
    {WINNOW_DTYPE_U64, "<u8"},  {WINNOW_DTYPE_BOOL, "|b1"},
    {WINNOW_DTYPE_BF16, "<V2"}, {WINNOW_DTYPE_BF16, "|V2"},
    {WINNOW_DTYPE_F8E4M3FN, "|V1"},
    {WINNOW_DTYPE_F8E4M3FNUZ, "|V1"},
    {WINNOW_DTYPE_F8E5M2, "|V1"},
    {WINNOW_DTYPE_F8E5M2FNUZ, "|V1"},
    {WINNOW_DTYPE_F8E8M0, "|V1"},
    {WINNOW_DTYPE_F4E2M1, "|V1"},
    {WINNOW_DTYPE_U4, "|V1"},
    {WINNOW_DTYPE_I4, "|V1"},
    {WINNOW_DTYPE_U2, "|V1"},
    {WINNOW_DTYPE_I2, "|V1"},
};
constexpr StringLiteral magic = "\x93NUMPY";
constexpr size_t maxRank = 64;
} // namespace

//===----------------------------------------------------------------------===//
// The header: a Python dict with three known keys
//===----------------------------------------------------------------------===//

namespace {
struct NpyHeader {
  int32_t dtype = 0;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}
  Expected<NpyHeader> parse();

private:
  void skipSpace() { rest = rest.ltrim(" \t\r\n"); }
  bool consume(StringRef token) {
    skipSpace();
    return rest.consume_front(token);
  }
  Error expected(const Twine &what) {
    return createStringError("expected " + what + " in the header, got '" +
                             rest.take_front(40).rtrim() + "'");
  }
  Expected<StringRef> parseString();
  Error parseDescr(NpyHeader &header);
  Error parseShape(NpyHeader &header);

  StringRef rest;
};
} // namespace

Expected<StringRef> HeaderParser::parseString() {
  skipSpace();
  char quote = rest.empty() ? 0 : rest.front();
  size_t end = rest.find(quote, 1);
  if ((quote != '\'' && quote != '"') || end == StringRef::npos)
    return expected("a quoted string");
  StringRef text = rest.substr(1, end - 1);
  rest = rest.drop_front(end + 1);
  return text;
}

Error HeaderParser::parseDescr(NpyHeader &header) {
  auto descr = parseString();
  if (!descr)
    return joinErrors(descr.takeError(),
                      createStringError("arrays of records are not supported"));
  for (const TypeName &type : typeNames)
    if (*descr == type.descr ||
        // One-byte types have no byte order, so any is right.
        (type.descr.front() == '|' && descr->size() == 3 &&
         descr->drop_front() == type.descr.drop_front())) {
      header.dtype = type.dtype;
      return Error::success();
    }
  StringRef hint = descr->starts_with(">")
                       ? "; convert it with x.astype(x.dtype.newbyteorder('<'))"
                       : "";
  return createStringError(
      "expected an array of little-endian numbers or bools, got dtype '" +
      *descr + "'" + hint);
}

Error HeaderParser::parseShape(NpyHeader &header) {
  if (!consume("("))
    return expected("a shape");
  while (!consume(")")) {
    skipSpace();
    int64_t size;
    // Digits only: Python 2 wrote long integers as 3L.
    if (rest.empty() || !isDigit(rest.front()) || rest.consumeInteger(10, size))
      return expected("a size that is not negative");
    consume("L");
    header.shape.push_back(size);
    if (header.shape.size() > maxRank)
      return createStringError("expected at most %zu dimensions, got more",
                               maxRank);
    if (!consume(",") && !rest.ltrim().starts_with(")"))
      return expected("',' or ')'");
  }
  return Error::success();
}

Expected<NpyHeader> HeaderParser::parse() {
  NpyHeader header;
  bool hasDescr = false, hasOrder = false, hasShape = false;
  if (!consume("{"))
    return expected("'{'");
  while (!consume("}")) {
    auto key = parseString();
    if (!key)
      return key.takeError();
    if (!consume(":"))
      return expected("':'");
    if (*key == "descr") {
      if (Error error = parseDescr(header))
        return std::move(error);
      hasDescr = true;
    } else if (*key == "shape") {
      header.shape.clear();
      if (Error error = parseShape(header))
        return std::move(error);
      hasShape = true;
    } else if (*key == "fortran_order") {
      header.fortranOrder = consume("True");
      if (!header.fortranOrder && !consume("False"))
        return expected("True or False");
      hasOrder = true;
    } else {
      return createStringError("expected the keys descr, fortran_order and "
                               "shape in the header, got '" +
                               *key + "'");
    }
    if (!consume(",") && !rest.ltrim().starts_with("}"))
      return expected("',' or '}'");
  }
  if (!hasDescr || !hasOrder || !hasShape)
    return createStringError("expected the keys descr, fortran_order and shape "
                             "in the header, got fewer");
  return header;
}

//===----------------------------------------------------------------------===//
// .npy
//===----------------------------------------------------------------------===//

/// The header's text, which is cut off `bytes`.
static Expected<StringRef> splitHeader(StringRef &bytes) {
  if (!bytes.starts_with(magic) || bytes.size() < 10)
    return createStringError("expected a .npy file, got something else");
  unsigned major = static_cast<uint8_t>(bytes[6]);
  if (major < 1 || major > 3)
    return createStringError("expected .npy version 1, 2 or 3, got %u", major);
  size_t start = major == 1 ? 10 : 12;
  if (bytes.size() < start)
    return createStringError("expected a whole header, got the file's end");
  uint64_t length = major == 1 ? support::endian::read16le(bytes.data() + 8)
                               : support::endian::read32le(bytes.data() + 8);
  if (length > bytes.size() - start)
    return createStringError("expected a header of %llu bytes, got %zu",
                             static_cast<unsigned long long>(length),
                             bytes.size() - start);
  StringRef text = bytes.substr(start, length);
  bytes = bytes.drop_front(start + length);
  return text;
}

/// Row-major copy of column-major data: walks the result in order and keeps
/// the source's offset by its strides.
static void copyFromFortran(const char *source, Array &array, size_t element) {
  size_t rank = array.shape.size();
  std::vector<size_t> strides(rank), index(rank);
  size_t stride = element;
  for (size_t d = 0; d < rank; ++d) {
    strides[d] = stride;
    stride *= array.shape[d];
  }
  size_t offset = 0;
  for (size_t at = 0; at < array.data.size(); at += element) {
    memcpy(array.data.data() + at, source + offset, element);
    for (size_t d = rank; d-- > 0;) {
      offset += strides[d];
      if (++index[d] < static_cast<size_t>(array.shape[d]))
        break;
      offset -= strides[d] * index[d];
      index[d] = 0;
    }
  }
}

static Expected<Array> parseNpyBody(StringRef bytes) {
  auto text = splitHeader(bytes);
  if (!text)
    return text.takeError();
  auto header = HeaderParser(*text).parse();
  if (!header)
    return header.takeError();
  size_t element = winnow_dtype_size(header->dtype);
  std::optional<int64_t> size = element;
  for (int64_t dim : header->shape)
    size = size ? checkedMul<int64_t>(*size, dim) : std::nullopt;
  if (is_contained(header->shape, 0))
    size = 0;
  if (!size || static_cast<uint64_t>(*size) > bytes.size())
    return createStringError(
        "expected the data that its shape asks for, got only " +
        Twine(bytes.size()) + " bytes" +
        (size ? " of " + std::to_string(*size) : ""));
  Array array;
  array.dtype = header->dtype;
  array.shape = std::move(header->shape);
  if (header->fortranOrder && array.shape.size() > 1) {
    array.data.resize(*size);
    copyFromFortran(bytes.data(), array, element);
  } else {
    array.data.assign(bytes.data(), bytes.data() + *size);
  }
  // Whoever reads a bool byte may rely on 0 and 1.
  if (array.dtype == WINNOW_DTYPE_BOOL)
    for (char &value : array.data)
      value = value != 0;
  return array;
}

Expected<Array> winnow::parseNpy(StringRef bytes, const Twine &what) {
  auto array = parseNpyBody(bytes);
  if (!array)
    return createStringError(what + ": " + toString(array.takeError()));
  return array;
}

static Expected<std::unique_ptr<MemoryBuffer>> readFile(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot open '" + path +
                             "': " + buffer.getError().message());
  return std::move(*buffer);
}

Expected<Array> winnow::readNpy(StringRef path) {
  auto file = readFile(path);
  if (!file)
    return file.takeError();
  return parseNpy((*file)->getBuffer(), "'" + path + "'");
}

std::string winnow::makeNpyHeader(int32_t dtype, ArrayRef<int64_t> shape) {
  StringRef descr = "|u1";
  for (const TypeName &type : reverse(typeNames))
    if (type.dtype == dtype)
      descr = type.descr;
  std::string text;
  raw_string_ostream os(text);
  os << "{'descr': '" << descr << "', 'fortran_order': False, 'shape': (";
  for (auto [index, size] : enumerate(shape))
    os << (index ? " " : "") << size << ",";
  // numpy itself leaves the comma out after the last of several.
  if (shape.size() > 1)
    text.pop_back();
  text += "), }";
  constexpr size_t prefix = 10, alignment = 64;
  text.append(offsetToAlignment(prefix + text.size() + 1, Align(alignment)),
              ' ');
  text += '\n';
  std::string start = magic.str();
  start += std::string("\1\0", 2);
  start += static_cast<char>(text.size() & 0xff);
  start += static_cast<char>(text.size() >> 8);
  return start + text;
}

static StringRef getBytes(const Array &array) {
  return StringRef(array.data.data(), array.data.size());
}

Error winnow::writeNpy(StringRef path, const Array &array) {
  return writeOutputFile(path, [&](raw_ostream &os) {
    os << makeNpyHeader(array.dtype, array.shape) << getBytes(array);
    return Error::success();
  });
}

//===----------------------------------------------------------------------===//
// .npz
//===----------------------------------------------------------------------===//

static Expected<std::vector<NamedArray>> parseNpz(StringRef file) {
  auto members = readZipDirectory(file);
  if (!members)
    return members.takeError();
  std::vector<NamedArray> arrays;
  StringSet<> names;
  for (const ZipMember &member : *members) {
    StringRef name = member.name;
    name.consume_back(".npy");
    if (!names.insert(name).second)
      return createStringError("expected each array once, got '" + name +
                               "' twice");
    std::vector<char> storage;
    auto bytes = extractZipMember(file, member, storage);
    if (!bytes)
      return bytes.takeError();
    auto array = parseNpy(*bytes, "array '" + name + "'");
    if (!array)
      return array.takeError();
    arrays.emplace_back(name.str(), std::move(*array));
  }
  return arrays;
}

Expected<std::vector<NamedArray>> winnow::readNpz(StringRef path) {
  auto file = readFile(path);
  if (!file)
    return file.takeError();
  auto arrays = parseNpz((*file)->getBuffer());
  if (!arrays)
    return createStringError("'" + path + "': " + toString(arrays.takeError()));
  return arrays;
}

Error winnow::writeNpz(StringRef path, ArrayRef<NamedArray> arrays) {
  return writeOutputFile(path, [&](raw_ostream &os) {
    ZipWriter zip(os);
    for (const auto &[name, array] : arrays)
      zip.add(name + ".npy",
              {makeNpyHeader(array.dtype, array.shape), getBytes(array)});
    zip.finish();
    return Error::success();
  });
}
