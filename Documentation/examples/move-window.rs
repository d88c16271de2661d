// SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT
//! Move the software MSI window of a device, and receive an interrupt:
//!
//!     move-window /dev/vfio/devices/vfio0 0x10000000
//!
//! The device is the edu device of QEMU: something has to raise an MSI. Only
//! std is needed: ioctls are declared here.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::FileExt;
use std::os::unix::io::{AsRawFd, FromRawFd};

// <linux/iommufd.h>
const IOMMU_IOAS_ALLOC: u32 = 0x3b81;
const IOMMU_IOAS_IOVA_RANGES: u32 = 0x3b84;
const IOMMU_IOAS_MAP: u32 = 0x3b85;
const IOMMU_OPTION: u32 = 0x3b87;
const IOMMU_OPTION_OP_SET: u16 = 0;
const IOMMU_OPTION_OP_GET: u16 = 1;
const IOMMU_OPTION_SW_MSI_START: u32 = 2;
const IOMMU_OPTION_SW_MSI_SIZE: u32 = 3;
const IOMMU_IOAS_MAP_FIXED_READABLE_WRITEABLE: u32 = 0b111;

// <linux/vfio.h>
const VFIO_DEVICE_GET_REGION_INFO: u32 = 0x3b6c;
const VFIO_DEVICE_SET_IRQS: u32 = 0x3b6e;
const VFIO_DEVICE_BIND_IOMMUFD: u32 = 0x3b76;
const VFIO_DEVICE_ATTACH_IOMMUFD_PT: u32 = 0x3b77;
const VFIO_DEVICE_DETACH_IOMMUFD_PT: u32 = 0x3b78;
const VFIO_PCI_BAR0_REGION_INDEX: u32 = 0;
const VFIO_PCI_CONFIG_REGION_INDEX: u32 = 7;
const VFIO_PCI_MSI_IRQ_INDEX: u32 = 1;
const VFIO_IRQ_SET_DATA_EVENTFD_ACTION_TRIGGER: u32 = 1 << 2 | 1 << 5;

// <errno.h>
const ENOENT: i32 = 2;
const EOPNOTSUPP: i32 = 95;

const MIB: u64 = 1 << 20;
const RAM_SIZE: usize = 256 << 20;
const EDU_IRQ_RAISE: u64 = 0x60;
const PCI_COMMAND: u64 = 4;
const PCI_COMMAND_MEMORY_MASTER: u16 = 1 << 1 | 1 << 2;

#[repr(C)]
struct IommuOption {
    size: u32,
    option_id: u32,
    op: u16,
    reserved: u16,
    object_id: u32,
    val64: u64,
}

#[repr(C)]
#[derive(Default)]
struct IommuIoasAlloc {
    size: u32,
    flags: u32,
    out_ioas_id: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct IommuIovaRange {
    start: u64,
    last: u64,
}

#[repr(C)]
#[derive(Default)]
struct IommuIoasIovaRanges {
    size: u32,
    ioas_id: u32,
    num_iovas: u32,
    reserved: u32,
    allowed_iovas: u64,
    out_iova_alignment: u64,
}

#[repr(C)]
struct IommuIoasMap {
    size: u32,
    flags: u32,
    ioas_id: u32,
    reserved: u32,
    user_va: u64,
    length: u64,
    iova: u64,
}

#[repr(C)]
#[derive(Default)]
struct VfioDeviceBindIommufd {
    argsz: u32,
    flags: u32,
    iommufd: i32,
    out_devid: u32,
}

#[repr(C)]
#[derive(Default)]
struct VfioDeviceAttachIommufdPt {
    argsz: u32,
    flags: u32,
    pt_id: u32,
    pasid: u32,
}

#[repr(C)]
#[derive(Default)]
struct VfioDeviceDetachIommufdPt {
    argsz: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct VfioRegionInfo {
    argsz: u32,
    flags: u32,
    index: u32,
    cap_offset: u32,
    size: u64,
    offset: u64,
}

#[repr(C)]
struct VfioIrqSet {
    argsz: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    eventfd: i32,
}

#[repr(C)]
struct Pollfd {
    fd: i32,
    events: i16,
    revents: i16,
}

extern "C" {
    fn eventfd(initval: u32, flags: i32) -> i32;
    fn ioctl(fd: i32, request: usize, ...) -> i32;
    fn mmap(
        addr: usize,
        length: usize,
        prot: i32,
        flags: i32,
        fd: i32,
        offset: i64,
    ) -> isize;
    fn poll(fds: *mut Pollfd, nfds: usize, timeout: i32) -> i32;
}

/// An ioctl that takes `arg`, whose first member is its size.
fn sized_ioctl<T>(file: &File, request: u32, arg: &mut T) -> Result<()> {
    let arg: *mut T = arg;
    // SAFETY: all structures here begin with a u32, the size of the whole, and
    // the kernel reads and writes no more than that.
    unsafe {
        *arg.cast::<u32>() = std::mem::size_of::<T>() as u32;
        if ioctl(file.as_raw_fd(), request as usize, arg) < 0 {
            return Err(Error::last_os_error());
        }
        Ok(())
    }
}

fn device_option(
    iommufd: &File,
    op: u16,
    dev_id: u32,
    option_id: u32,
    val64: u64,
) -> Result<()> {
    let mut option = IommuOption {
        size: 0,
        option_id,
        op,
        reserved: 0,
        object_id: dev_id,
        val64,
    };
    sized_ioctl(iommufd, IOMMU_OPTION, &mut option)
}

/// No device is needed to ask this. EOPNOTSUPP says that this kernel cannot move
/// windows: the memory map of the guest has to leave out the default one.
fn probe_kernel(iommufd: &File) -> Result<()> {
    // No object has ID 0: a kernel that has the option looks for it
    let get = IOMMU_OPTION_OP_GET;
    match device_option(iommufd, get, 0, IOMMU_OPTION_SW_MSI_SIZE, 0) {
        Err(error) if error.raw_os_error() == Some(ENOENT) => Ok(()),
        result => result,
    }
}

/// Whether the device has a window. It has none on x86, and an emulated device,
/// whose ID is that of an access, has none either.
fn has_window(iommufd: &File, dev_id: u32) -> Result<bool> {
    let get = IOMMU_OPTION_OP_GET;
    match device_option(iommufd, get, dev_id, IOMMU_OPTION_SW_MSI_SIZE, 0) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(EOPNOTSUPP) | Some(ENOENT) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Before the device is attached for good. `start` is in bytes, a multiple of
/// 1 MiB.
fn move_window(
    iommufd: &File,
    dev_id: u32,
    start: u64,
    size_mib: u64,
) -> Result<()> {
    let set = |option_id, val64| {
        device_option(iommufd, IOMMU_OPTION_OP_SET, dev_id, option_id, val64)
    };

    // The start is checked with the size in force: begin with none
    set(IOMMU_OPTION_SW_MSI_SIZE, 0)?;
    set(IOMMU_OPTION_SW_MSI_START, start)?;
    set(IOMMU_OPTION_SW_MSI_SIZE, size_mib)
}

/// From here on the IOAS keeps the window free.
fn attach(device: &File, pt_id: u32) -> Result<()> {
    let mut attach = VfioDeviceAttachIommufdPt {
        pt_id,
        ..Default::default()
    };
    sized_ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &mut attach)
}

fn detach(device: &File) -> Result<()> {
    let mut detach = VfioDeviceDetachIommufdPt::default();
    sized_ioctl(device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &mut detach)
}

/// Whether a window can be there: the IOAS knows while the device is attached.
/// Nothing is mapped there yet, so the default window is in nobody's way.
fn window_fits(
    iommufd: &File,
    device: &File,
    ioas_id: u32,
    window: IommuIovaRange,
) -> Result<bool> {
    let mut ranges = [IommuIovaRange::default(); 64];
    let mut cmd = IommuIoasIovaRanges {
        ioas_id,
        num_iovas: ranges.len() as u32,
        allowed_iovas: ranges.as_mut_ptr() as u64,
        ..Default::default()
    };
    attach(device, ioas_id)?;
    sized_ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, &mut cmd)?;
    detach(device)?;
    Ok(ranges[..cmd.num_iovas as usize].iter().any(|range| {
        range.start <= window.start && window.last <= range.last
    }))
}

/// Guest RAM where the guest sees it: the default window is in the middle.
fn map_ram(iommufd: &File, ioas_id: u32) -> Result<()> {
    const READ_WRITE: i32 = 1 | 2;
    const PRIVATE_ANONYMOUS: i32 = 2 | 0x20;
    // SAFETY: new memory, at an address that the kernel chooses.
    let ram =
        unsafe { mmap(0, RAM_SIZE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0) };
    if ram == -1 {
        return Err(Error::last_os_error());
    }
    let mut map = IommuIoasMap {
        size: 0,
        flags: IOMMU_IOAS_MAP_FIXED_READABLE_WRITEABLE,
        ioas_id,
        reserved: 0,
        user_va: ram as u64,
        length: RAM_SIZE as u64,
        iova: 0,
    };
    sized_ioctl(iommufd, IOMMU_IOAS_MAP, &mut map)
}

/// The kernel places the doorbell now, inside the window.
fn enable_msi(device: &File, eventfd: &File) -> Result<()> {
    let mut irq = VfioIrqSet {
        argsz: 0,
        flags: VFIO_IRQ_SET_DATA_EVENTFD_ACTION_TRIGGER,
        index: VFIO_PCI_MSI_IRQ_INDEX,
        start: 0,
        count: 1,
        eventfd: eventfd.as_raw_fd(),
    };
    sized_ioctl(device, VFIO_DEVICE_SET_IRQS, &mut irq)
}

fn region_offset(device: &File, index: u32) -> Result<u64> {
    let mut info = VfioRegionInfo {
        index,
        ..Default::default()
    };
    sized_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &mut info)?;
    Ok(info.offset)
}

/// What the driver in the guest does with its device, for edu.
fn raise_msi(device: &File) -> Result<()> {
    let config = region_offset(device, VFIO_PCI_CONFIG_REGION_INDEX)?;
    let bar = region_offset(device, VFIO_PCI_BAR0_REGION_INDEX)?;
    device.write_all_at(
        &PCI_COMMAND_MEMORY_MASTER.to_le_bytes(),
        config + PCI_COMMAND,
    )?;
    device.write_all_at(&1u32.to_le_bytes(), bar + EDU_IRQ_RAISE)
}

fn wait(eventfd: &mut File) -> Result<u64> {
    const POLLIN: i16 = 1;
    let mut pollfd = Pollfd {
        fd: eventfd.as_raw_fd(),
        events: POLLIN,
        revents: 0,
    };
    let mut count = [0; 8];
    // SAFETY: one element is what nfds says.
    if unsafe { poll(&mut pollfd, 1, 5000) } != 1 {
        return Err(Error::new(ErrorKind::TimedOut, "the MSI did not arrive"));
    }
    eventfd.read_exact(&mut count)?;
    Ok(u64::from_ne_bytes(count))
}

fn run(path: &str, start: u64) -> Result<u64> {
    let open = |path| OpenOptions::new().read(true).write(true).open(path);
    let iommufd = open("/dev/iommu")?;
    probe_kernel(&iommufd)?;
    let device = open(path)?;
    let mut bind = VfioDeviceBindIommufd {
        iommufd: iommufd.as_raw_fd(),
        ..Default::default()
    };
    sized_ioctl(&device, VFIO_DEVICE_BIND_IOMMUFD, &mut bind)?;

    let mut alloc = IommuIoasAlloc::default();
    sized_ioctl(&iommufd, IOMMU_IOAS_ALLOC, &mut alloc)?;

    if has_window(&iommufd, bind.out_devid)? {
        let last = start.saturating_add(MIB - 1);
        let window = IommuIovaRange { start, last };
        if !window_fits(&iommufd, &device, alloc.out_ioas_id, window)? {
            let text = "no window can be there for this device";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        move_window(&iommufd, bind.out_devid, start, 1)?;
    }

    attach(&device, alloc.out_ioas_id)?;
    map_ram(&iommufd, alloc.out_ioas_id)?;

    // SAFETY: a new file descriptor, owned by nobody else.
    let mut eventfd = unsafe {
        match eventfd(0, 0) {
            -1 => return Err(Error::last_os_error()),
            fd => File::from_raw_fd(fd),
        }
    };
    enable_msi(&device, &eventfd)?;
    raise_msi(&device)?;
    wait(&mut eventfd)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let start = args
        .get(2)
        .and_then(|arg| u64::from_str_radix(arg.strip_prefix("0x")?, 16).ok());
    let (path, start) = match (args.get(1), start) {
        (Some(path), Some(start)) if args.len() == 3 => (path, start),
        _ => {
            eprintln!("usage: move-window VFIO-DEVICE 0xIOVA");
            std::process::exit(2)
        }
    };
    match run(path, start) {
        Ok(count) => println!("{} MSI received", count),
        Err(error) => {
            eprintln!("move-window: {}", error);
            std::process::exit(1)
        }
    }
}
