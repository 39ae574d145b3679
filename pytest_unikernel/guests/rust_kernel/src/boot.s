# From the 32-bit entry that the PVH boot protocol defines to 64-bit Rust.
#
# On entry: protected mode, flat segments, paging and interrupts off, ebx = physical address of hvm_start_info.
# Source: https://xenbits.xen.org/docs/unstable/misc/pvh.html; note types: Xen's public/elfnote.h.

.set XEN_ELFNOTE_PHYS32_ENTRY, 18

# QEMU reads eight bytes of descriptor from a 64-bit file and aligns the name by the segment's alignment.
.section .note.Xen, "a", @note
.balign 4
    .long 4                             # length of the name
    .long 8                             # length of the descriptor
    .long XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

.set STACK_GUARD, 0x0f000               # must agree with memory.rs
.set STACK_TOP, 0x80000
.set PRESENT_WRITABLE, 0x3
.set LARGE_PAGE, 0x83                   # present, writable, 2 MiB

.section .text.boot, "ax"
.code32
.global pvh_start
pvh_start:
    cli
    cld
    mov esp, offset STACK_TOP

    mov edi, offset bss_start
    mov ecx, offset bss_end
    sub ecx, edi
    shr ecx, 2
    xor eax, eax
    rep stosd

# Identity paging of the first GiB. The first 2 MiB get small pages, so that the page under the stack (overflow)
# and later page 0 (null pointers; the loader may have put its information there) can be left out.
    mov dword ptr [page_map], offset page_pointers + PRESENT_WRITABLE
    mov dword ptr [page_pointers], offset page_directory + PRESENT_WRITABLE
    mov edi, offset page_directory
    mov eax, LARGE_PAGE
2:  mov [edi], eax
    add edi, 8
    add eax, 0x200000
    cmp eax, 0x40000000
    jb 2b
    mov dword ptr [page_directory], offset page_table + PRESENT_WRITABLE
    mov edi, offset page_table
    mov eax, PRESENT_WRITABLE
3:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    cmp eax, 0x200000
    jb 3b
    mov dword ptr [page_table + STACK_GUARD / 0x1000 * 8], 0

    mov eax, cr4
    or eax, 0x620                       # PAE; OSFXSR and OSXMMEXCPT: core is compiled to use SSE
    mov cr4, eax
    mov eax, offset page_map
    mov cr3, eax
    mov ecx, 0xc0000080                 # EFER
    rdmsr
    or eax, 0x100                       # LME: long mode
    wrmsr
    mov eax, cr0
    and eax, 0xfffffffb                 # EM off, or SSE would fault
    or eax, 0x80000002                  # PG and MP
    mov cr0, eax

    lgdt [gdt_pointer]
    push 0x08
    mov eax, offset long_mode
    push eax
    retf

.code64
long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov edi, ebx                        # also clears the upper half: the argument of kernel_main
    xor ebp, ebp
    call kernel_main
    ud2

.section .rodata.boot, "a"
.balign 8
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt

# Writable: the processor marks the task state segment as busy.
.section .data.boot, "aw"
.balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # 0x08: 64-bit code
    .quad 0x00cf93000000ffff            # 0x10: data
.global gdt_task_state
gdt_task_state:                         # 0x18: filled in by exceptions.rs
    .quad 0, 0
gdt_end:

.section .bss.boot, "aw", @nobits
.balign 4096
page_map: .skip 4096
page_pointers: .skip 4096
page_directory: .skip 4096
.global page_table
page_table: .skip 4096

# One stub for each of the processor's 32 exceptions, 16 bytes apart: it pushes its number and goes on.
.section .text.exceptions, "ax"
.balign 16
.global exception_stubs
exception_stubs:
.set vector, 0
.rept 32
    push vector
    jmp exception_common
    .balign 16
    .set vector, vector + 1
.endr
exception_common:
    mov rdi, rsp
    and rsp, -16
    call exception_entry
    ud2
