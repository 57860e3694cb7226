// The whole pipeline on a module that has one of everything, run against plain
// loops in C with tasks cut into pieces of awkward sizes.
//
// RUN: winnow-opt %s --winnow-cpu-pipeline=cpu=x86-64 -o %t.mlir
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll
// RUN: %cc -O2 -Wno-override-module -c -x ir %t.ll -o %t.o
// RUN: llvm-nm --undefined-only --format=just-symbols %t.o | FileCheck %s --check-prefix=UNDEFINED
// RUN: %cc -O1 -I%runtime_include %S/Inputs/pipeline.c %t.o -lm -o %t.exe
// RUN: %t.exe | FileCheck %s
//
// UNDEFINED-NOT: {{^[^mw]}}
// UNDEFINED: winnow_rt_parallel
// CHECK: dims 3 48 3 48 77 3 77
// Three buffers are never alive at once: two slots, each rounded up.
// CHECK-NEXT: workspace 88704
// Of 3 * 77 * 48 elements.
// CHECK-NEXT: operations 7, FLOPs 77616
// CHECK-NEXT: numbers agree

#id3 = affine_map<(b,s,d)->(b,s,d)>
#bs = affine_map<(b,s,d)->(b,s)>
#bd = affine_map<(b,s,d)->(b,d)>
#d = affine_map<(b,s,d)->(d)>
module attributes {winnow.symbols = [{name="batch", min=1:i64, max=1024:i64}, {name="seq", min=1:i64,max=512:i64}], winnow.sites = []} {
  memref.global "private" constant @bias : memref<48xf32> = dense<0.5>
  func.func @main(%weights: memref<?xi8>, %s0: index, %s1: index,
                  %mask: memref<?x?xi64>, %x: memref<?x?x48xf32>, %pool: memref<?x48xf32>, %tr: memref<?x48x?xf32>, %mx: memref<?x?xf32>)
      attributes {winnow.entry, winnow.num_inputs = 2 : i64,
        winnow.input_dims = [affine_map<()[s0,s1]->(s0,s1)>, affine_map<()[s0,s1]->(s0,s1,48)>],
        winnow.output_dims = [affine_map<()[s0,s1]->(s0,48)>, affine_map<()[s0,s1]->(s0,48,s1)>, affine_map<()[s0,s1]->(s0,s1)>]} {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %w = memref.view %weights[%c0][] : memref<?xi8> to memref<48x48xf32>
    %bias = memref.get_global @bias : memref<48xf32>
    // linear
    %h = memref.alloc(%s0, %s1) : memref<?x?x48xf32>
    %xc = memref.collapse_shape %x [[0,1],[2]] : memref<?x?x48xf32> into memref<?x48xf32>
    %hc = memref.collapse_shape %h [[0,1],[2]] : memref<?x?x48xf32> into memref<?x48xf32>
    func.call @linear_0(%xc, %w, %hc) : (memref<?x48xf32>, memref<48x48xf32>, memref<?x48xf32>) -> ()
    // g = exp(h + bias) * mask
    %g = memref.alloc(%s0, %s1) : memref<?x?x48xf32>
    linalg.generic {indexing_maps = [#id3, #d, #bs, #id3], iterator_types = ["parallel","parallel","parallel"]}
      ins(%h, %bias, %mask : memref<?x?x48xf32>, memref<48xf32>, memref<?x?xi64>) outs(%g : memref<?x?x48xf32>) {
      ^bb0(%a: f32, %bb: f32, %m: i64, %o: f32):
        %s = arith.addf %a, %bb : f32
        %e = math.exp %s : f32
        %mf = arith.sitofp %m : i64 to f32
        %r = arith.mulf %e, %mf : f32
        linalg.yield %r : f32
    }
    // e = g * g  elementwise
    %e = memref.alloc(%s0, %s1) : memref<?x?x48xf32>
    linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel","parallel","parallel"]}
      ins(%g : memref<?x?x48xf32>) outs(%e : memref<?x?x48xf32>) {
      ^bb0(%a: f32, %o: f32):
        %r = arith.mulf %a, %a : f32
        linalg.yield %r : f32
    }
    // pool = sum over s
    linalg.fill ins(%zero : f32) outs(%pool : memref<?x48xf32>)
    linalg.generic {indexing_maps = [#id3, #bd], iterator_types = ["parallel","reduction","parallel"]}
      ins(%e : memref<?x?x48xf32>) outs(%pool : memref<?x48xf32>) {
      ^bb0(%a: f32, %o: f32):
        %r = arith.addf %a, %o : f32
        linalg.yield %r : f32
    }
    // transpose
    linalg.transpose ins(%e : memref<?x?x48xf32>) outs(%tr : memref<?x48x?xf32>) permutation = [0, 2, 1]
    // mx = sum over d
    linalg.fill ins(%zero : f32) outs(%mx : memref<?x?xf32>)
    linalg.generic {indexing_maps = [#id3, #bs], iterator_types = ["parallel","parallel","reduction"]}
      ins(%e : memref<?x?x48xf32>) outs(%mx : memref<?x?xf32>) {
      ^bb0(%a: f32, %o: f32):
        %sq = arith.mulf %a, %a : f32
        %r = arith.addf %o, %sq : f32
        linalg.yield %r : f32
    }
    return
  }
  func.func private @linear_0(%x: memref<?x48xf32>, %w: memref<48x48xf32>, %o: memref<?x48xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c48 = arith.constant 48 : index
    %z = arith.constant 0.0 : f32
    %n = memref.dim %x, %c0 : memref<?x48xf32>
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      %acc = memref.alloca() : memref<48xf32>
      scf.for %j = %c0 to %c48 step %c1 {
        memref.store %z, %acc[%j] : memref<48xf32>
      }
      scf.for %k = %c0 to %c48 step %c1 {
        %a = memref.load %x[%i, %k] : memref<?x48xf32>
        scf.for %j = %c0 to %c48 step %c1 {
          %b = memref.load %w[%k, %j] : memref<48x48xf32>
          %c = memref.load %acc[%j] : memref<48xf32>
          %p = arith.mulf %a, %b : f32
          %q = arith.addf %c, %p : f32
          memref.store %q, %acc[%j] : memref<48xf32>
        }
      }
      scf.for %j = %c0 to %c48 step %c1 {
        %c = memref.load %acc[%j] : memref<48xf32>
        memref.store %c, %o[%i, %j] : memref<?x48xf32>
      }
      scf.reduce
    } {winnow.grain = 4 : i64}
    return
  }
}
