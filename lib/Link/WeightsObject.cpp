//===- WeightsObject.cpp - A weights file as an ELF object ----------------===//
//
// An assembler's .incbin would do, but it would have to be found, and would
// hold the bytes in memory. The object has one section with the bytes, one
// symbol, and the tables that these need:
//
//   ELF header | bytes | .symtab | .strtab | .shstrtab | section headers
//
//===----------------------------------------------------------------------===//

#include "winnow/Link/Weights.h"
#include "winnow/Support/OutputFile.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace llvm::ELF;
using namespace winnow;

namespace {

constexpr uint64_t pageBytes = 4096;

template <typename T> void writeStruct(raw_ostream &os, const T &value) {
  os.write(reinterpret_cast<const char *>(&value), sizeof(T));
}

/// Strings, each ended by a NUL, that tables refer to by offset.
struct StringTable {
  std::string text = std::string(1, '\0');
  uint32_t add(StringRef string) {
    uint32_t offset = text.size();
    text.append(string.data(), string.size());
    text.push_back('\0');
    return offset;
  }
};

Elf64_Shdr makeSection(uint32_t name, uint32_t type, uint64_t flags,
                       uint64_t offset, uint64_t size, uint64_t alignment) {
  Elf64_Shdr section{};
  section.sh_name = name;
  section.sh_type = type;
  section.sh_flags = flags;
  section.sh_offset = offset;
  section.sh_size = size;
  section.sh_addralign = alignment;
  return section;
}

void writeObject(raw_ostream &os, StringRef bytes, StringRef symbolName,
                 bool isX86) {
  // On x86-64 a large section may lie beyond the 2 GiB that code reaches.
  StringTable sectionNames, symbolNames;
  Elf64_Sym symbols[2] = {};
  symbols[1].st_name = symbolNames.add(symbolName);
  symbols[1].setBindingAndType(STB_GLOBAL, STT_OBJECT);
  symbols[1].st_other = STV_HIDDEN;
  symbols[1].st_shndx = 1;
  symbols[1].st_size = bytes.size();

  uint64_t offset = pageBytes;
  Elf64_Shdr sections[6] = {};
  sections[1] = makeSection(
      sectionNames.add(isX86 ? ".lrodata" : ".rodata.weights"), SHT_PROGBITS,
      SHF_ALLOC | (isX86 ? uint64_t(SHF_X86_64_LARGE) : 0), offset,
      bytes.size(), pageBytes);
  uint64_t padding = alignTo(bytes.size(), 8) - bytes.size();
  offset += bytes.size() + padding;
  sections[2] = makeSection(sectionNames.add(".symtab"), SHT_SYMTAB, 0, offset,
                            sizeof symbols, 8);
  sections[2].sh_link = 3;
  sections[2].sh_info = 1; // the first symbol that is not local
  sections[2].sh_entsize = sizeof(Elf64_Sym);
  offset += sizeof symbols;
  sections[3] = makeSection(sectionNames.add(".strtab"), SHT_STRTAB, 0, offset,
                            symbolNames.text.size(), 1);
  offset += symbolNames.text.size();
  sections[4] = makeSection(sectionNames.add(".note.GNU-stack"), SHT_PROGBITS,
                            0, offset, 0, 1);
  sections[5] =
      makeSection(sectionNames.add(".shstrtab"), SHT_STRTAB, 0, offset, 0, 1);
  sections[5].sh_size = sectionNames.text.size();
  offset += sectionNames.text.size();
  uint64_t tail = alignTo(offset, 8) - offset;

  Elf64_Ehdr header{};
  memcpy(header.e_ident, ElfMagic, 4);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = isX86 ? EM_X86_64 : EM_AARCH64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shoff = offset + tail;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 6;
  header.e_shstrndx = 5;

  writeStruct(os, header);
  os.write_zeros(pageBytes - sizeof header);
  os << bytes;
  os.write_zeros(padding);
  writeStruct(os, symbols);
  os << symbolNames.text << sectionNames.text;
  os.write_zeros(tail);
  writeStruct(os, sections);
}

} // namespace

Error winnow::writeWeightsObject(StringRef weightsPath, StringRef objectPath,
                                 StringRef modelName, StringRef triple) {
  auto arch = Triple(triple).getArch();
  if (arch != Triple::x86_64 && arch != Triple::aarch64)
    return createStringError("expected x86_64 or aarch64 to embed weights, got "
                             "'" +
                             triple + "'; leave them in a file");
  auto buffer = MemoryBuffer::getFile(weightsPath, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read weights file '" + weightsPath +
                             "': " + buffer.getError().message());
  return writeOutputFile(objectPath, [&](raw_ostream &os) {
    writeObject(os, (*buffer)->getBuffer(), (modelName + "_weights").str(),
                arch == Triple::x86_64);
    return Error::success();
  });
}
