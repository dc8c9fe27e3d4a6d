import ij.io.RoiDecoder;
import ij.gui.Roi;
import ij.gui.ShapeRoi;
import ij.process.ByteProcessor;
import ij.process.ImageStatistics;
import java.io.FileInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** What ImageJ makes of each ROI of a zip: a line of its name, position, measurements and a checksum of its pixels. */
public class Measure {
    public static void main(String[] words) throws Exception {
        int height = Integer.parseInt(words[1]), width = Integer.parseInt(words[2]);
        System.out.println("name,position,composite,area,x,y,major,minor,angle,pixels");
        try (ZipInputStream zip = new ZipInputStream(new FileInputStream(words[0]))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Roi roi = new RoiDecoder(zip.readAllBytes(), entry.getName()).getRoi();
                ByteProcessor image = new ByteProcessor(width, height);
                image.setValue(1);
                image.fill(roi);
                image.setRoi(roi);
                ImageStatistics found = ImageStatistics.getStatistics(image, 1 + 32 + 2048, null);
                System.out.println(String.join(",", roi.getName(), "" + roi.getPosition(), "" + (roi instanceof ShapeRoi),
                    "" + found.area, "" + found.xCentroid, "" + found.yCentroid, "" + found.major, "" + found.minor,
                    "" + found.angle, new java.math.BigInteger(1, java.security.MessageDigest.getInstance("SHA-256")
                        .digest((byte[]) image.getPixels())).toString(16)));
            }
        }
    }
}
