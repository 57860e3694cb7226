// RUN: winnow-opt %s --winnow-mark-ops --canonicalize --cse --split-input-file | FileCheck %s

// 2 * 64 * 192 FLOPs and 4 * (64 + 192) bytes a row, and the weights and bias.
// CHECK: module attributes {winnow.ops = [{kind = "linear", nodes = "fc, act"}]}
// CHECK: func private @winnow_rt_mark(i32, i64, i64)
// CHECK-LABEL: func @linear
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>
// CHECK-SAME: %{{.*}}: memref<4x64x48xf32>, %{{.*}}: memref<192xf32>, %[[Y:.*]]: memref<?x192xf32>
// CHECK-DAG: %[[OP:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[EACH:.*]] = arith.constant 24576 : index
// CHECK-DAG: %[[WEIGHTS:.*]] = arith.constant 49920 : index
// CHECK: %[[ROWS:.*]] = memref.dim %[[X]]
// CHECK: %[[READ:.*]] = arith.muli %[[ROWS]], %c256
// CHECK: arith.addi %[[READ]], %[[WEIGHTS]]
// CHECK: %[[ROWS:.*]] = memref.dim %[[Y]]
// CHECK: arith.muli %[[ROWS]], %c768
// CHECK: arith.muli %[[ROWS]], %[[EACH]]
// CHECK: %[[FLOPS:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK: %[[BYTES:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK: call @winnow_rt_mark(%[[OP]], %[[FLOPS]], %[[BYTES]])
// CHECK-NEXT: call @linear_0
module {
  func.func private @linear_0(memref<?x64xf32>, memref<4x64x48xf32>, memref<192xf32>, memref<?x192xf32>)
      attributes {winnow.kernel = {kind = "linear"}}
  func.func @linear(%x: memref<?x64xf32>, %w: memref<4x64x48xf32>, %b: memref<192xf32>, %y: memref<?x192xf32>)
      attributes {winnow.entry} {
    call @linear_0(%x, %w, %b, %y) : (memref<?x64xf32>, memref<4x64x48xf32>, memref<192xf32>, memref<?x192xf32>) -> () loc(fused["fc", "act"])
    return
  }
}

// -----

// The product with 8 bases of each of 4 columns, as deep as the panels: 2 * 6 * 32 * 16.
// CHECK: module attributes {winnow.ops = [{kind = "basis_linear", nodes = "kan"}]}
// CHECK-LABEL: func @basis_linear
// CHECK-DAG: %[[FLOPS:.*]] = arith.constant 6144 : i64
// CHECK: call @winnow_rt_mark(%{{.*}}, %[[FLOPS]], %{{.*}})
module {
  func.func private @kan(memref<6x4xf32>, memref<1x32x16xf32>, memref<8x1xf32>, memref<6x16xf32>)
      attributes {winnow.kernel = {kind = "basis_linear"}}
  func.func @basis_linear(%x: memref<6x4xf32>, %w: memref<1x32x16xf32>, %t: memref<8x1xf32>, %y: memref<6x16xf32>)
      attributes {winnow.entry} {
    call @kan(%x, %w, %t, %y) : (memref<6x4xf32>, memref<1x32x16xf32>, memref<8x1xf32>, memref<6x16xf32>) -> () loc(fused["kan"])
    return
  }
}

// -----

// A number, not an operation.
// CHECK: module attributes {winnow.ops = []}
// CHECK-LABEL: func @sizes
// CHECK-NOT: winnow_rt_mark
module {
  func.func private @define_size(index) -> index attributes {winnow.kernel = {kind = "define_size", symbol = 0 : i64}}
  func.func private @check_size(index) attributes {winnow.kernel = {kind = "check_size"}}
  func.func @sizes(%n: index) attributes {winnow.entry} {
    %0 = call @define_size(%n) : (index) -> index
    call @check_size(%0) : (index) -> ()
    return
  }
}

// -----

// 2 * 12 heads * (64 + 32) for each of 8 * 8 - 8 * 7 / 2 pairs; all is static.
// CHECK: kind = "attention"
// CHECK-LABEL: func @causal_attention
// CHECK-DAG: %[[FLOPS:.*]] = arith.constant 82944 : i64
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 73728 : i64
// CHECK: call @winnow_rt_mark(%{{.*}}, %[[FLOPS]], %[[BYTES]])
module {
  func.func private @attention(memref<1x8x12x64xf32>, memref<1x8x12x64xf32>, memref<1x8x12x32xf32>, memref<1x8x12x32xf32>)
      attributes {winnow.kernel = {causal = true, kind = "attention"}}
  func.func @causal_attention(%q: memref<1x8x12x64xf32>, %k: memref<1x8x12x64xf32>, %v: memref<1x8x12x32xf32>, %o: memref<1x8x12x32xf32>)
      attributes {winnow.entry} {
    call @attention(%q, %k, %v, %o) : (memref<1x8x12x64xf32>, memref<1x8x12x64xf32>, memref<1x8x12x32xf32>, memref<1x8x12x32xf32>) -> ()
    return
  }
}

// -----

// The rows that are taken, of a table that is larger: 4 * 8 + 2 * 4 * 3 * 16.
// CHECK: kind = "gather"
// CHECK-LABEL: func @gather_reads_rows
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 408 : i64
// CHECK: call @winnow_rt_mark(%{{.*}}, %[[NONE]], %[[BYTES]])
module {
  func.func private @gather(memref<1x1000x16xf32>, memref<3xi64>, memref<1x3x16xf32>, i32)
      attributes {winnow.kernel = {kind = "gather"}}
  func.func @gather_reads_rows(%t: memref<1x1000x16xf32>, %i: memref<3xi64>, %o: memref<1x3x16xf32>)
      attributes {winnow.entry} {
    %site = arith.constant 0 : i32
    call @gather(%t, %i, %o, %site) : (memref<1x1000x16xf32>, memref<3xi64>, memref<1x3x16xf32>, i32) -> ()
    return
  }
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// CHECK: winnow.ops = [{kind = "fill", nodes = ""}, {kind = "reduction", nodes = "sum"}, {kind = "elementwise", nodes = ""}, {kind = "copy", nodes = ""}, {kind = "copy", nodes = ""}]
// CHECK-LABEL: func @linalg_ops
// CHECK: call @winnow_rt_mark(%c0_i32, %c0_i64, %c16_i64)
// CHECK-NEXT: linalg.fill
// CHECK-NEXT: call @winnow_rt_mark(%c1_i32, %c32_i64, %c144_i64)
// CHECK-NEXT: linalg.generic
// CHECK: scf.for
// CHECK-NEXT: call @winnow_rt_mark(%c2_i32, %c64_i64, %c128_i64)
// CHECK-NEXT: linalg.generic
// CHECK: call @winnow_rt_mark(%c3_i32, %c0_i64, %c256_i64)
// CHECK-NEXT: linalg.generic
// CHECK: call @winnow_rt_mark(%c4_i32, %c0_i64, %c256_i64)
// CHECK-NEXT: memref.copy
module {
  func.func @linalg_ops(%x: memref<4x8xf32>, %sum: memref<4xf32>, %y: memref<4x8xf32>, %n: index)
      attributes {winnow.entry} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%sum : memref<4xf32>)
    linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<4x8xf32>) outs(%sum : memref<4xf32>) {
    ^bb0(%a: f32, %s: f32):
      %t = arith.addf %a, %s : f32
      linalg.yield %t : f32
    } loc("sum")
    // The input is not read: only the output counts.
    scf.for %i = %c0 to %n step %c1 {
      linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
          ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
      ^bb0(%a: f32, %o: f32):
        %t = arith.addf %o, %o : f32
        %e = math.exp %t : f32
        linalg.yield %e : f32
      }
    }
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    }
    memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32>
    return
  }
}
