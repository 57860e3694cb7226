// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64 --canonicalize | FileCheck %s --check-prefix=WIDTH

// One pass over the depth; the accumulators are carried by the loop over it.

// CHECK-LABEL: func.func private @whole_panels
// CHECK-SAME:  passthrough = {{\[\[}}"prefer-vector-width", "256"], ["min-legal-vector-width", "256"]]
// WIDTH:       passthrough = {{\[\[}}"prefer-vector-width", "128"]
// CHECK:       scf.parallel
// CHECK:         scf.for
// CHECK:           scf.for %{{.*}} = %c0 to %c64 step %c4 iter_args({{.*}}) -> (vector<8xf32>,
// The panel is fetched ahead, each line of 64 bytes once: two vectors a line.
// CHECK:             memref.prefetch %{{.*}}[{{.*}}], read, locality<3>, data : memref<{{.*}}x64x24xf32>
// CHECK-NEXT:        vector.load
// CHECK-NEXT:        vector.load
// CHECK:             memref.prefetch
// CHECK-COUNT-48:    vector.fma
// A row of the next pass is fetched into the L2 cache.
// CHECK-COUNT-2:     memref.prefetch %{{.*}}[{{.*}}], read, locality<2>, data : memref<{{.*}}x64x24xf32>
// CHECK-NOT:       vector.fma
// CHECK-NOT:       vector.maskedstore
// CHECK:           vector.store
// Then tiles of two rows and of one for the rows that are left.
// CHECK:         scf.for
// CHECK-COUNT-24:    vector.fma
// CHECK:         scf.for
// CHECK-COUNT-12:    vector.fma
// CHECK-NOT:     vector.fma
// CHECK:       } {winnow.grain = 1 : i64}
func.func private @whole_panels(memref<?x64xf32>, memref<2x64x24xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, mr = 4, nr = 24, kc = 64, mb = 128}}

// -----

// The columns beyond N are masked, in a branch of their own; the activation
// runs in a loop over the tile in scratch.

// CHECK-LABEL: func.func private @epilogue
// CHECK:       scf.parallel
// CHECK-NEXT:    memref.alloca() {alignment = 64 : i64} : memref<4x24xf32>
// CHECK:       scf.if
// CHECK:         scf.for
// CHECK:           vector.maskedload
// CHECK:           arith.divf
// CHECK:           vector.maskedstore
func.func private @epilogue(memref<?x64xf32>, memref<3x64x24xf32>, memref<50xf32>, memref<?x50xf32>, memref<?x50xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 50, mr = 4, nr = 24, kc = 64, mb = 128,
                                 activation = "gelu", bias, residual = true}}

// -----

// Partial sums wait in the output between the passes over the depth.

// CHECK-LABEL: func.func private @passes
// CHECK:       scf.parallel
// CHECK:         scf.for %[[DEPTH:.*]] = %c0 to %c64 step %c32
// CHECK:           arith.cmpi eq, %[[DEPTH]], %c0
// CHECK:           vector.load %arg2
func.func private @passes(memref<?x64xf32>, memref<2x64x24xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, mr = 4, nr = 24, kc = 32, mb = 128}}

// -----

// A panel that was packed for wider vectors is walked in strips as wide as a
// register tile; the second strip's columns lie behind those of the first.

// CHECK-LABEL: func.func private @strips
// A single row is taken over the whole panel, which is read once.
// CHECK:       scf.if
// CHECK:         scf.parallel
// CHECK:           scf.for %{{.*}} = %c0 to %c64 step %c4
// CHECK-COUNT-24:    vector.fma
// CHECK-NOT:       vector.fma
// CHECK:         } {winnow.grain
// CHECK:       } else {
// CHECK:       scf.parallel (%[[AT:.*]]) = (%c0) to (%{{.*}})
// CHECK-DAG:     %[[STRIP:.*]] = arith.remui %[[AT]], %c4
// CHECK-DAG:     %[[COL:.*]] = arith.muli %[[STRIP]], %c24
// CHECK-DAG:     %[[PANEL:.*]] = arith.divui %[[STRIP]], %c2
// CHECK-DAG:     %[[IN:.*]] = arith.remui %[[STRIP]], %c2
// CHECK-DAG:     %[[FIRST:.*]] = arith.muli %[[IN]], %c24
// CHECK:           vector.load %arg1[%[[PANEL]], %{{.*}}, %[[FIRST]]] : memref<2x64x48xf32>, vector<8xf32>
// CHECK:           vector.store %{{.*}}, %arg2[%{{.*}}, %[[COL]]] : memref<?x96xf32>
func.func private @strips(memref<?x64xf32>, memref<2x64x48xf32>, memref<?x96xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 96, mr = 4, nr = 24, kc = 64, mb = 128}}

// -----

// Functions that are no kernels stay as they are.

// CHECK-LABEL: func.func private @other(memref<4xf32>)
// CHECK-NOT:   passthrough
func.func private @other(memref<4xf32>)

// -----

// Of two strips only, long rows are fetched ahead too.

// CHECK-LABEL: func.func private @long_rows
// CHECK: memref.prefetch %arg0[{{.*}}], read, locality<3>, data : memref<?x2048xf32>
func.func private @long_rows(memref<?x2048xf32>, memref<2x2048x24xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 48, mr = 2, nr = 24, kc = 2048, mb = 64}}
