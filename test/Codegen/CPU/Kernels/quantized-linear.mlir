// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v4-vnni --canonicalize | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v4 --canonicalize | FileCheck %s --check-prefixes=CHECK,HALVES

// Tiles of 2 rows and 1 row, two steps of four bytes in each iteration; then what is left of the
// depth, of which one byte exists.

// CHECK-LABEL: func.func private @rows
// CHECK:       scf.for
// VNNI-COUNT-4:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// HALVES-COUNT-8: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// CHECK:       vector.maskedload
// CHECK:       arith.sitofp
// CHECK:       scf.for
// VNNI-COUNT-2:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
func.func private @rows(memref<?x9xi8>, memref<1x3x64xi8>, memref<16xi32>, memref<16xf32>, memref<?xi8>, memref<?xf32>, memref<?x16xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 16, k = 9, mr = 2, nr = 16, kc = 3, mb = 64, zero = true, row_scale = true}}

// -----

// A row unpacks a group in registers, for two steps, and the sum of a block meets its multiplier; more
// rows than that unpack the strip before.

// CHECK-LABEL: func.func private @packed
// CHECK:       vector.load {{.*}} memref<1x8x16xi32>
// CHECK:       arith.shrui
// CHECK:       arith.subi {{.*}} vector<64xi8>
// VNNI-COUNT-2:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// HALVES-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// CHECK:       arith.muli {{.*}} vector<16xi32>
// CHECK:       arith.muli {{.*}} vector<32xi16>
// CHECK:       vector.store {{.*}} memref<16x64xi8
// CHECK:       vector.load {{.*}} memref<16x64xi8
func.func private @packed(memref<?x64xi8>, memref<1x8x16xi32>, memref<1x2x16xi8>, memref<16xi32>, memref<16xf32>, memref<?x16xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 16, k = 64, mr = 16, nr = 16, kc = 16, mb = 64, bits = 4, multipliers = true}}

// -----

// CHECK-LABEL: func.func private @six_bits
// CHECK-COUNT-3: vector.load {{.*}} memref<1x3x16xi32>
// CHECK:       arith.ori
// CHECK-NOT:   memref<{{.*}}x64xi8>
func.func private @six_bits(memref<1x16xi8>, memref<1x3x16xi32>, memref<16xi32>, memref<16xf32>, memref<1x16xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 16, k = 16, mr = 16, nr = 16, kc = 4, mb = 16, bits = 6}}

// -----

// CHECK-LABEL: func.func private @quantize
// CHECK:       scf.parallel
// CHECK:         math.roundeven
// CHECK:         arith.fptosi
func.func private @quantize(memref<?x64xf32>, memref<?x64xi8>, memref<?xf32>, memref<?xi8>)
    attributes {winnow.kernel = {kind = "quantize_rows"}}

// -----

// CHECK-LABEL: func.func private @quantize_scaled
// CHECK:       %[[F:.*]] = vector.load %arg1
// CHECK:       arith.mulf %{{.*}}, %[[F]]
func.func private @quantize_scaled(memref<?x64xf32>, memref<64xf32>, memref<?x64xi8>, memref<?xf32>, memref<?xi8>)
    attributes {winnow.kernel = {kind = "quantize_rows", factors = true}}

// -----

// The tile of 2 rows scales each number, that of a single row each block.

// CHECK-LABEL: func.func private @unpacked
// CHECK:       arith.shrui
// CHECK:       arith.andi
// CHECK:       arith.ori
// CHECK:       %[[N:.*]] = arith.subf
// CHECK:       arith.mulf %[[N]]
// CHECK-COUNT-2: vector.fma
func.func private @unpacked(memref<?x64xf32>, memref<1x8x16xi32>, memref<2x16xf32>, memref<?x16xf32>)
    attributes {winnow.kernel = {kind = "unpacked_linear", n = 16, k = 64, mr = 2, nr = 16, mb = 64, bits = 4, block = 32, zero = 8}}

// -----

// Where blocks have zeros of their own, a number is scaled and shifted.

// CHECK-LABEL: func.func private @zeros
// CHECK:       arith.subf
// CHECK-COUNT-3: vector.fma
func.func private @zeros(memref<?x64xf32>, memref<1x8x16xi32>, memref<2x16xf32>, memref<2x16xf32>, memref<?x16xf32>)
    attributes {winnow.kernel = {kind = "unpacked_linear", n = 16, k = 64, mr = 2, nr = 16, mb = 64, bits = 4, block = 32}}

// -----

// A block's input is rounded and summed; sums of products begin with its zero and are scaled as floats.

// CHECK-LABEL: func.func private @rounded
// CHECK:       scf.parallel
// CHECK:         arith.maximumf
// CHECK:         math.roundeven
// CHECK:         vector.store {{.*}} memref<?x64xi8>
// CHECK:       scf.parallel
// CHECK:         arith.muli %{{.*}}, %c-8_i32
// VNNI-COUNT-2:  llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// HALVES-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"
// CHECK:         arith.sitofp
// CHECK-NOT:     arith.subi {{.*}}xi8>
func.func private @rounded(memref<?x64xf32>, memref<1x8x16xi32>, memref<2x16xf32>, memref<?x64xi8>, memref<?x2xf32>, memref<?x2xi32>, memref<?x16xf32>)
    attributes {winnow.kernel = {kind = "rounded_linear", n = 16, k = 64, mr = 1, nr = 16, kc = 8, mb = 1, bits = 4, block = 32, zero = 8}}
