//! How fast a compressed file is decompressed by the library alone, on one thread: `decompress FILE`. What a query of the same
//! file takes is measured beside it.

#![expect(clippy::print_stdout, reason = "an example says what it measured")]

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufReader, Read},
    time::Instant,
};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: decompress FILE")?;
    let file = BufReader::with_capacity(64 << 10, File::open(&path)?);
    let mut reader: Box<dyn Read> = match path.rsplit('.').next() {
        Some("zst") => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
        Some("bz2") => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Some("xz") => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file)),
        _ => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
    };
    let start = Instant::now();
    let (mut buffer, mut bytes) = (vec![0; 256 << 10], 0);
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            read => bytes += read as u64,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{bytes} bytes in {seconds:.3} s");
    Ok(())
}
