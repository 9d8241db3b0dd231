; What a function of Numba calls of Numba's runtime, for a function that is differentiated.
;
; Numba keeps an array in memory behind a header, a MemInfo, that counts references (numba/core/runtime/nrt.cpp). Its own functions count
; atomically and lie outside of the module, where Enzyme cannot look. Here a count is an ordinary number of memory that malloc gave: after
; inlining, LLVM sees that an array is freed where its function ends, and Enzyme knows malloc and free.
;
;   header:  0 references   8 destructor   16 its argument   24 data   32 bytes   40 allocator   48 end of header

declare noalias ptr @malloc(i64) allockind("alloc,uninitialized") allocsize(0) "alloc-family"="malloc"
declare void @free(ptr allocptr) allockind("free") "alloc-family"="malloc"

; Header and data are apart: of memory that holds one kind of number Enzyme knows what is in it. Numba asks for 32 bytes of alignment;
; malloc's 16 are more than any number needs.
define internal ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) alwaysinline {
  %info = call ptr @malloc(i64 48)
  %data = call ptr @malloc(i64 %size)
  store i64 1, ptr %info
  %place = getelementptr i8, ptr %info, i64 24
  store ptr %data, ptr %place
  ret ptr %info
}

define internal ptr @NRT_MemInfo_alloc_safe_aligned(i64 %size, i32 %align) alwaysinline {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align)
  ret ptr %info
}

define internal ptr @NRT_MemInfo_alloc(i64 %size) alwaysinline {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 16)
  ret ptr %info
}

define internal ptr @NRT_MemInfo_alloc_safe(i64 %size) alwaysinline {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 16)
  ret ptr %info
}

define internal ptr @NRT_MemInfo_data_fast(ptr %info) alwaysinline {
  %place = getelementptr i8, ptr %info, i64 24
  %data = load ptr, ptr %place
  ret ptr %data
}

define internal void @NRT_incref(ptr %info) alwaysinline {
  %none = icmp eq ptr %info, null
  br i1 %none, label %done, label %count
count:
  %old = load i64, ptr %info
  %new = add i64 %old, 1
  store i64 %new, ptr %info
  br label %done
done:
  ret void
}

define internal void @NRT_decref(ptr %info) alwaysinline {
  %none = icmp eq ptr %info, null
  br i1 %none, label %done, label %count
count:
  %old = load i64, ptr %info
  %new = add i64 %old, -1
  store i64 %new, ptr %info
  %last = icmp eq i64 %new, 0
  br i1 %last, label %end, label %done
end:
  %place = getelementptr i8, ptr %info, i64 24
  %data = load ptr, ptr %place
  call void @free(ptr %data)
  call void @free(ptr %info)
  br label %done
done:
  ret void
}

define internal ptr @NRT_Allocate(i64 %size) alwaysinline {
  %memory = call ptr @malloc(i64 %size)
  ret ptr %memory
}

define internal void @NRT_Free(ptr %memory) alwaysinline {
  call void @free(ptr %memory)
  ret void
}

; Whether an array can have other dimensions without a copy (numba/_helperlib.c), and its strides then: in C's order, where it is contiguous.
define internal i32 @numba_attempt_nocopy_reshape(i64 %nd, ptr %dims, ptr %strides, i64 %newnd, ptr %newdims, ptr %newstrides,
                                                  i64 %itemsize, i32 %is_f_order) alwaysinline {
start:
  %fortran = icmp ne i32 %is_f_order, 0
  br i1 %fortran, label %no, label %old
old:
  %left = phi i64 [ %nd, %start ], [ %axis, %next ]
  %step = phi i64 [ %itemsize, %start ], [ %wider, %next ]
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %check, label %new
check:
  %axis = add i64 %left, -1
  %dimplace = getelementptr inbounds i64, ptr %dims, i64 %axis
  %dim = load i64, ptr %dimplace
  %strideplace = getelementptr inbounds i64, ptr %strides, i64 %axis
  %stride = load i64, ptr %strideplace
  %single = icmp eq i64 %dim, 1
  %fits = icmp eq i64 %stride, %step
  %good = or i1 %single, %fits
  br i1 %good, label %next, label %no
next:
  %wider = mul i64 %step, %dim
  br label %old
new:
  %newleft = phi i64 [ %newnd, %old ], [ %newaxis, %write ]
  %newstep = phi i64 [ %itemsize, %old ], [ %newwider, %write ]
  %newmore = icmp sgt i64 %newleft, 0
  br i1 %newmore, label %write, label %yes
write:
  %newaxis = add i64 %newleft, -1
  %newdimplace = getelementptr inbounds i64, ptr %newdims, i64 %newaxis
  %newdim = load i64, ptr %newdimplace
  %newstrideplace = getelementptr inbounds i64, ptr %newstrides, i64 %newaxis
  store i64 %newstep, ptr %newstrideplace
  %newwider = mul i64 %newstep, %newdim
  br label %new
yes:
  ret i32 1
no:
  ret i32 0
}
